"""What moongate takes for true (`known`), and a kit that holds it against a live endpoint (`kit`).

The kit is for whoever has a key: facts that nobody could settle without one get a small probe each.
"""
