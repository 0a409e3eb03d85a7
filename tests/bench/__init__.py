"""Speed, measured as ratios to a reference run in turn: ``pytest -m bench -s``, on an idle machine."""
