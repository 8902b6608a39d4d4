// A model of the part of After Effects' object model that the script uses. It records what is set; unknown names throw.
// Expects `media` (file name -> {audio, width, height}) and `absent` (path -> true).
var record = {comps: [], files: [], alerts: [], folders: []};
var $ = {fileName: "/project/clip.jsx"};
function File(path) { this.path = path; this.exists = !(path in absent); this.parent = {fsName: "/project"}; }
function ImportOptions(file) { this.file = file; }
function Shape() { this.vertices = []; this.closed = false; }
function MarkerValue(comment) { this.comment = comment; }
var KeyframeInterpolationType = {LINEAR: "linear", BEZIER: "bezier", HOLD: "hold"};
var ParagraphJustification = {CENTER_JUSTIFY: "center"};
function alert(text) { record.alerts.push(text); }

function Property(name, value) {
    this.name = name; this.value = value; this.keys = []; this.spatial = name === "ADBE Position"; this.children = [];
}
Property.prototype.setValue = function (value) {
    if (this.keys.length) { throw new Error("setValue on an animated property"); }
    this.value = value;
};
Property.prototype.setValueAtTime = function (time, value) { this.setValuesAtTimes([time], [value]); };
Property.prototype.setValuesAtTimes = function (times, values) {
    if (times.length !== values.length) { throw new Error("lengths differ"); }
    for (var i = 0; i < times.length; i++) {
        // By default After Effects creates keyframes with Bezier interpolation and automatic spatial tangents.
        this.keys.push({time: times[i], value: values[i], kind: "bezier", auto: this.spatial, tangents: null});
    }
};
Property.prototype.setInterpolationTypeAtKey = function (index, a, b) {
    if (!(index >= 1 && index <= this.keys.length)) { throw new Error("key " + index); }
    this.keys[index - 1].kind = a === "linear" && b === "linear" ? "linear" : "mixed";
};
Property.prototype.setSpatialAutoBezierAtKey = function (i, on) { this.requireSpatial(); this.keys[i - 1].auto = on; };
Property.prototype.setSpatialTangentsAtKey = function (i, a, b) { this.requireSpatial(); this.keys[i - 1].tangents = [a, b]; };
Property.prototype.requireSpatial = function () { if (!this.spatial) { throw new Error(this.name + " is not spatial"); } };
Property.prototype.property = function (name) {
    for (var i = 0; i < this.children.length; i++) { if (this.children[i].name === name) { return this.children[i]; } }
    throw new Error("no property " + name + " in " + this.name);
};
Property.prototype.addProperty = function (name) {
    var property = new Property(name), i, childNames = addable[this.name][name];
    if (!childNames) { throw new Error("cannot add " + name + " to " + this.name); }
    for (i = 0; i < childNames.length; i++) { property.children.push(new Property(childNames[i])); }
    this.children.push(property);
    return property;
};
var addable = {
    "ADBE Mask Parade": {"ADBE Mask Atom": ["ADBE Mask Shape", "ADBE Mask Feather"]},
    "ADBE Effect Parade": {
        "ADBE Gaussian Blur 2": ["ADBE Gaussian Blur 2-0001", "ADBE Gaussian Blur 2-0002", "ADBE Gaussian Blur 2-0003"]
    }
};
function group(name, children) { var property = new Property(name); property.children = children; return property; }
function TextDocument(text) { this.text = text; }

function Layer(source, text) {
    this.source = source; this.startTime = 0; this.inPoint = 0; this.outPoint = 0; this.hasAudio = !!(source && source.hasAudio);
    this.transform = group("ADBE Transform Group", [
        new Property("ADBE Anchor Point", [0, 0]), new Property("ADBE Position", [0, 0]),
        new Property("ADBE Scale", [100, 100]), new Property("ADBE Opacity", 100)
    ]);
    this.children = [this.transform, group("ADBE Mask Parade", []), group("ADBE Effect Parade", [])];
    if (this.hasAudio) { this.children.push(group("ADBE Audio Group", [new Property("ADBE Audio Levels", [0, 0])])); }
    if (text !== undefined) {
        this.children.push(group("ADBE Text Properties", [new Property("ADBE Text Document", new TextDocument(text))]));
    }
}
Layer.prototype.property = function (name) {
    for (var i = 0; i < this.children.length; i++) { if (this.children[i].name === name) { return this.children[i]; } }
    throw new Error("no property " + name);
};
Layer.prototype.sourceRectAtTime = function () { return {left: -100, top: -40, width: 200, height: 50}; };

function Comp(name, width, height, aspect, duration, rate) {
    if (typeof name !== "string" || aspect !== 1 || !(rate > 0 && rate <= 99) || !(duration > 0)) { throw new Error("bad comp"); }
    this.name = name; this.width = width; this.height = height; this.duration = duration; this.frameRate = rate;
    this.frameDuration = 1 / rate; this.markerProperty = new Property("Marker");
    var comp = this;
    this.stack = [];
    this.layers = {
        add: function (item) { var layer = new Layer(item); comp.stack.push(layer); return layer; },
        addText: function (text) { var layer = new Layer(null, text); comp.stack.push(layer); return layer; }
    };
    record.comps.push(this);
}
Comp.prototype.openInViewer = function () { record.opened = this.name; };
var app = {
    beginUndoGroup: function (name) { record.undo = name; },
    endUndoGroup: function () { record.ended = true; },
    project: {
        importFile: function (options) {
            var path = options.file.path, entry = media[path.split("/").pop()] || {};
            if (!options.file.exists) { throw new Error("no such file " + path); }
            record.files.push(path);
            return {path: path, hasAudio: !!entry.audio, width: entry.width, height: entry.height};
        },
        importPlaceholder: function (name, width, height, rate, duration) {
            if (!(width >= 4 && height >= 4 && rate >= 1 && rate <= 99 && duration > 0)) { throw new Error("bad placeholder"); }
            return {path: name, hasAudio: false, width: width, height: height, placeholder: true};
        },
        items: {
            addFolder: function (name) { record.folders.push(name); return {name: name}; },
            addComp: function (n, w, h, a, d, r) { return new Comp(n, w, h, a, d, r); }
        }
    }
};
