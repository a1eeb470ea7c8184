"""Menus on the desk of who writes them: checked, played in the terminal, drawn, and their schema."""
