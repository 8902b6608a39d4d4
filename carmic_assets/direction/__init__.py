"""The auto-director: decides who is shown, when, and through which crop.

It works on numbers only (boxes, turns, cuts): it opens no media and has no access to the database.

`director` is the entry point. `crop_sampling` evaluates crops at any time, `crop_metrics` measures their quality,
`override` applies the client's own shots, and `scene_summary` builds the API's view of a scene. These modules load
without NumPy; `span_direction` and the modules it imports need NumPy. `direction_plots` draws plots.
"""
