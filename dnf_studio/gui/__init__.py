"""The window: `application` is its process, `frame` surrounds `features`, a folder for each thing it does."""
