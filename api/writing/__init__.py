"""What people hand in: drafts, plans, waivers; tokens, forms and jobs."""
