"""Converts an `Edit` to burnt-in captions (an ASS script and colour emoji) and to subtitle files.

The package is a pipeline. Each step reads the Structs of the previous step:

    word_timing      Word -> Token          words on the output clock, split where a line may break
    phrases          Token -> phrase        sentences, also split at pauses and changes of speaker
    line_measuring   phrase -> LineItem     sizes in the fonts that libass uses, at one font size
    line_breaking    LineItem -> Screen     words that are shown together, in lines, with their times
    placement        Screen -> Caption      pixel positions inside the safe zone
    animation        Caption -> Motion      movements as ASS override tags
    ass              Caption -> Event       the ASS script

`caption_track` runs the pipeline for rendering, exports and the API. `hook_title` runs it for the title card.
`subtitles` runs its first half, with columns of characters as widths.

The package never opens media, runs ffmpeg or reads the environment. Callers pass a cache folder. Times in the results
are on the output clock (the clip without its removed spans); positions are pixels of the canvas.
"""
