"""What the scripts beside this folder share: each file has one job, and is named for it."""
