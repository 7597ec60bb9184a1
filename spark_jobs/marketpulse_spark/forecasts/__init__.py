"""The models that say something of the next session: plain functions over arrays, which Spark calls for each series.

One module for each model; `tables` lists them. A model is walk-forward: it is fitted anew each session to the 250
sessions that ended with it, and knows nothing of those after.
"""
