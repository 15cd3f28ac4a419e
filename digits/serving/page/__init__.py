"""The page: one file a tab; besides `app.py` the only place that imports gradio."""
