"""Other simulators with a hundred vehicles in traffic, each a program of its own.

They come with the extra `bench`; a program that cannot run says why. Each prints one JSON object: its rates
in steps per second by what a step does, how many vehicles there are, and how many of them move.
"""
