// Builds the comp of one clip in After Effects: File > Scripts > Run Script File...
// The media are in the folder "media" beside this file. The script does not change files.
(function () {
    var PLAN = /*PLAN*/;

    var here = new File($.fileName).parent;
    var missing = [];

    function load(entry) {
        var file = new File(here.fsName + "/" + PLAN.media + "/" + entry.file);
        if (file.exists === false) {
            missing.push(entry.file);
            return entry.sound ? null : app.project.importPlaceholder(entry.file, entry.width, entry.height, entry.fps, entry.seconds);
        }
        var item = app.project.importFile(new ImportOptions(file));
        item.name = entry.file;
        item.parentFolder = folder;
        return item;
    }

    // `keys` are [frame, value] pairs. Keyframes are linear in time and space, because the defaults are eased and curved.
    function animate(property, keys, clock, spatial) {
        if (keys.length === 1) {
            property.setValue(keys[0][1]);
            return;
        }
        var times = [], values = [], i;
        for (i = 0; i < keys.length; i++) {
            times.push(clock(keys[i][0]));
            values.push(keys[i][1]);
        }
        property.setValuesAtTimes(times, values);
        for (i = 1; i <= keys.length; i++) {
            property.setInterpolationTypeAtKey(i, KeyframeInterpolationType.LINEAR, KeyframeInterpolationType.LINEAR);
            if (spatial) {
                property.setSpatialAutoBezierAtKey(i, false);
                property.setSpatialTangentsAtKey(i, [0, 0], [0, 0]);
            }
        }
    }

    function box(sides) {
        var shape = new Shape();
        shape.vertices = [[sides[0], sides[1]], [sides[2], sides[1]], [sides[2], sides[3]], [sides[0], sides[3]]];
        shape.closed = true;
        return shape;
    }

    function put(layer, piece, comp) {
        layer.startTime = piece.start * comp.frameDuration - piece.source;
        layer.inPoint = piece.start * comp.frameDuration;
        layer.outPoint = piece.end * comp.frameDuration;
        layer.name = piece.name;
        layer.comment = piece.note;
        layer.label = piece.label;
    }

    function picture(comp, piece, items) {
        var layer = comp.layers.add(items[piece.file]), transform = layer.property("ADBE Transform Group"), i, keys;
        function clock(frame) {
            return (piece.start + frame) * comp.frameDuration;
        }
        put(layer, piece, comp);
        animate(transform.property("ADBE Anchor Point"), [[0, piece.anchor]], clock, false);
        animate(transform.property("ADBE Position"), piece.position, clock, true);
        animate(transform.property("ADBE Scale"), piece.scale, clock, false);
        if (piece.opacity !== 100) {
            transform.property("ADBE Opacity").setValue(piece.opacity);
        }
        if (piece.crop) {
            keys = [];
            for (i = 0; i < piece.crop.length; i++) {
                keys.push([piece.crop[i][0], box(piece.crop[i][1])]);
            }
            animate(
                layer.property("ADBE Mask Parade").addProperty("ADBE Mask Atom").property("ADBE Mask Shape"),
                keys, clock, false
            );
        }
        if (piece.blur) {
            var blur = layer.property("ADBE Effect Parade").addProperty("ADBE Gaussian Blur 2");
            blur.property("ADBE Gaussian Blur 2-0001").setValue(piece.blur);
            blur.property("ADBE Gaussian Blur 2-0003").setValue(1);
        }
        if (layer.hasAudio) {
            layer.audioEnabled = piece.audible;
            if (piece.audible && piece.levels) {
                animate(layer.property("ADBE Audio Group").property("ADBE Audio Levels"), piece.levels, clock, false);
            }
        }
    }

    function sound(comp, piece, items) {
        if (!items[piece.file]) {
            return;
        }
        var layer = comp.layers.add(items[piece.file]);
        put(layer, piece, comp);
        animate(layer.property("ADBE Audio Group").property("ADBE Audio Levels"), piece.levels, function (frame) {
            return (piece.start + frame) * comp.frameDuration;
        }, false);
    }

    function title(comp, entry) {
        var layer = comp.layers.addText(entry.text), property = layer.property("ADBE Text Properties").property("ADBE Text Document");
        var text = property.value, bounds;
        text.fontSize = entry.size;
        text.applyFill = true;
        text.fillColor = entry.color;
        if (entry.stroke > 0) {
            text.applyStroke = true;
            text.strokeColor = entry.strokeColor;
            text.strokeWidth = entry.stroke;
            text.strokeOverFill = false;
        }
        text.justification = ParagraphJustification.CENTER_JUSTIFY;
        try {
            text.font = entry.font;
        } catch (unknown) {
            if (missing.join("|").indexOf(entry.font) < 0) {
                missing.push("font " + entry.font);
            }
        }
        property.setValue(text);
        layer.name = entry.name;
        layer.comment = entry.role;
        layer.label = entry.label;
        layer.startTime = entry.start * comp.frameDuration;
        layer.inPoint = entry.start * comp.frameDuration;
        layer.outPoint = entry.end * comp.frameDuration;
        bounds = layer.sourceRectAtTime(layer.inPoint, false);
        layer.property("ADBE Transform Group").property("ADBE Anchor Point").setValue(
            [bounds.left + bounds.width / 2, bounds.top + bounds.height / 2]
        );
        layer.property("ADBE Transform Group").property("ADBE Position").setValue([comp.width / 2, entry.middle]);
    }

    app.beginUndoGroup("Carmic: " + PLAN.name);
    var folder = app.project.items.addFolder(PLAN.name), items = {}, i, comp, marker;
    for (i = 0; i < PLAN.files.length; i++) {
        items[PLAN.files[i].file] = load(PLAN.files[i]);
    }
    comp = app.project.items.addComp(PLAN.name, PLAN.width, PLAN.height, 1, PLAN.frames / PLAN.fps, PLAN.fps);
    comp.parentFolder = folder;
    comp.displayStartTime = 0;
    // Each new layer is placed on top of the previous ones.
    for (i = 0; i < PLAN.sounds.length; i++) {
        sound(comp, PLAN.sounds[i], items);
    }
    for (i = 0; i < PLAN.pictures.length; i++) {
        picture(comp, PLAN.pictures[i], items);
    }
    for (i = 0; i < PLAN.titles.length; i++) {
        title(comp, PLAN.titles[i]);
    }
    for (i = 0; i < PLAN.markers.length; i++) {
        marker = new MarkerValue(PLAN.markers[i].text);
        comp.markerProperty.setValueAtTime(PLAN.markers[i].frame * comp.frameDuration, marker);
    }
    comp.openInViewer();
    app.endUndoGroup();
    if (missing.length) {
        alert("Not found: " + missing.join(", ") + ".\nUnpack the whole zip, keep the folder \"" + PLAN.media + "\" beside this script, install the fonts, and run it again.");
    }
}());
