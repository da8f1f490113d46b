"""The recipe of the camera student."""
