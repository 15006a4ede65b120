"""An S3 of our own, small and safe: one process, one pair of keys, one directory.

It does what Dalston and S3 clients need (objects, ranges, conditions, parts, copies, listings,
presigned URLs, Signature Version 4) and refuses the rest by name.
"""
