"""The window around the features: menus, toolbar, docks, the places of plots, the status bar."""
