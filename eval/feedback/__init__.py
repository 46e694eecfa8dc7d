"""Quality as users tell it: rates of feedback, what position does to clicks, and judgments to be made of both."""
