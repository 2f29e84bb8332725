"""What every room speaks: types, events, errors, protocols.

Standard library and numpy arrays alone; knows no torch, gradio or network.
"""
