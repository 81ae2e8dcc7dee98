"""Building and judging on Apache Spark: the stages of `graph.stages` and the judge of `shapes.judging`, on many machines.

session   a session, and what may be wrong before there is one
folders   folders on any file system that Hadoop knows
tasks     what a worker does: plain functions, rows in and rows out
flow      the way of the rows through the cluster: what is broadcast, what is kept
building  a build of it: the usual store, or parts and tables under an address
"""
