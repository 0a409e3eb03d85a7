"""The plain loop that every engine must equal; it lives in the package, where it is also the reference of speed."""

from dnf_studio.bench.textbook import textbook_bound, textbook_paths, textbook_sample, textbook_step

__all__ = ["textbook_bound", "textbook_paths", "textbook_sample", "textbook_step"]
