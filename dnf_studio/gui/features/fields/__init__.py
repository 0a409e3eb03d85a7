"""Vector fields over the process views."""
