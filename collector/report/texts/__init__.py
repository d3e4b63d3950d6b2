"""All words of the page, in every language side by side, by the part of the page they are in."""
