"""Captions: turns an `Edit` into what is drawn over the picture (ASS, colour emoji) and what is written beside it.

The way of a caption is a pipeline. Each step takes the plain Structs of the step before it:

    word_timing      Word -> Token          words on the output clock, cut where a line may break
    phrases          Token -> phrase        sentences, parted at pauses and changes of speaker
    line_measuring   phrase -> LineItem     measured in the fonts that libass draws with, at one font size
    line_breaking    LineItem -> Screen     which words share a screen, its lines, its times
    placement        Screen -> Caption      pixel positions inside the safe zone
    animation        Caption -> Motion      ASS override tags of the movement
    ass              Caption -> Event       the script

`caption_track` runs the pipeline for rendering, exports and the API; `hook_title` runs it for the title card, and
`subtitles` runs its first half with columns in place of fonts.

The package never opens media, runs ffmpeg or reads the environment. Callers pass a cache folder. Times in the results
are on the output clock; positions are pixels of the canvas.
"""
