"""What is opened, saved and exported: files of every kind, on their way in and out."""
