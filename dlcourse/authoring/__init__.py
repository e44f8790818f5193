"""From one authored source, `solutions/NN_title.py`, to the two notebooks of a lesson. For authors."""
