"""`dnf_studio.bench`; what measures speed is marked: ``pytest -m bench -s``, on an idle machine."""
