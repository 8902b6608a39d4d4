"""The timeline editor: the routes of docs/timeline.md."""
