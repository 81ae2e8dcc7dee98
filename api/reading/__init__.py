"""What people read: plans, findings, matrix, agencies, search and questions, as pages and as data."""
