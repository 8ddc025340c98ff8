"""The backend author's desk: explain, replay, reproduce."""
