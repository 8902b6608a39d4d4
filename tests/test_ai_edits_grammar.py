"""Prompts in many registers, with the expected operations (joined by `+`, in order) or refusal."""

from __future__ import annotations

import pytest

from carmic_assets.ai_edits.edit_plan import EditPlan, Refusal
from carmic_assets.ai_edits.grammar import check_box, parse_prompt
from carmic_assets.ai_edits.operations import BY_NAME, OPERATIONS

POSSIBLE = """
whoa way too dim | brighter
lower the exposure slightly | darker
needs contrast | more_contrast
way too contrasty | less_contrast
colours are washed, boost em | more_saturation
tone the colors down | less_saturation
noir it | black_and_white
everything's too orange | cooler
make it feel cosy | warmer
add subtle vignette | vignette
film grain, subtle | grain
get the noise out | denoise
edges are mushy, crisp them | sharpen
reverse the image horizontally | mirror
too wobbly | stabilise
go in closer on the product | zoom_in
hide that sign | blur
blur his screen | blur
mosaic it | pixelate
no faces please, blur them | blur_faces
background out of focus | background_blur
delete the drone in the sky | remove
kill the reflection in the window | remove
make those shoes white-ish blue | recolour
turn the mug orange | recolour
slow down to a third | slow_motion
play at 1.5x | speed_up
backwards please | reverse
stop on the final frame for 2s | freeze
write "Paris" on screen | title
name tag: "Bob" | title
start from black | fade_in
end on a fade | fade_out
vol up | louder
dialogue is too quiet | louder
wind noise, remove | clean_voice
caption what she says | captions
tiktok crop | reframe
4x5 | reframe
write subtitles | captions
crop to square | reframe
make it vertical for tiktok | reframe
show subtitles | captions
add captions | captions
make it a 9:16 vertical video | reframe
too dark fix it | brighter
brighten | brighter
way too bright, bring it down | darker
lift the shadows a bit, it's murky | brighter
ugh the exposure's off, needs to be like 20% brighter | brighter
kill the brightness a touch | darker
it's flat. give me contrast | more_contrast
punch it up, more contrast | more_contrast
contrast too harsh, ease off | less_contrast
take the contrast down a lot | less_contrast
saturate!! | more_saturation
colors look dead, pump them up | more_saturation
make colors pop but not too much | more_saturation
desaturate slightly | less_saturation
skin looks radioactive, tone down the colours | less_saturation
go b&w | black_and_white
greyscale please | black_and_white
strip out the color | black_and_white
warmer | warmer
white balance is too cold | warmer
too blue, warm it up | warmer
cool it down a little, looks orange | cooler
too yellow | cooler
give it a cinematic grade | cinematic
hollywood look pls | cinematic
retro 70s vibe | vintage
old film look | vintage
moodier | moody
old-timey brown tone | sepia
vignette it | vignette
slap some grain on it | grain
add 16mm grain | grain
it's super noisy, clean it up | denoise
denoise hard | denoise
soft shot, sharpen | sharpen
crisp it up | sharpen
it's flickering like crazy, fix | deflicker
lights are flickering, sort it | deflicker
flop the shot | mirror
mirror it | mirror
text is backwards, flip horizontally | mirror
shaky as hell, stabilize | stabilise
smooth out the handheld wobble | stabilise
take the jitter out | stabilise
punch in 120% | zoom_in
slow push in | zoom_in
crop in on the left side | zoom_in
zoom 2x into the top right corner | zoom_in
blur out the license plate | blur
blur that logo, it's not cleared | blur
hide the phone number with a blur | blur
pixelate the screen | pixelate
mosaic the brand name | pixelate
censor this with pixels | pixelate
blur everyone's faces | blur_faces
anonymise the kids' faces | blur_faces
pixelate all the faces | blur_faces
faces need to be hidden, legal says so | blur_faces
background's busy, blur it out | background_blur
bokeh behind him | background_blur
lose the mic | remove
boom mic in frame, get rid of it | remove
paint out the wire | remove
erase that guy in the back | remove
clean out the trash can | remove
make the jacket blue | recolour
change the car from red to green | recolour
turn her dress purple | recolour
recolor this to orange | recolour
slomo | slow_motion
slow it to 25% | slow_motion
slow this way down | slow_motion
4x faster | speed_up
too slow, speed it up | speed_up
double time | speed_up
timelapse it, 8x | speed_up
rewind this bit | reverse
freeze the last frame for 3 secs | freeze
hold on the first frame 1.5s | freeze
freeze frame at 2s | freeze
put "Chapter One" up top | title
title "BREAKING" | title
lower third saying "Dr. Jane Roe, Oncologist" | title
caption it: "meanwhile in Ohio" at the bottom for 2 seconds | title
text 'subscribe!' centre | title
add subtitles | captions
burn in captions | captions
subs for what they're saying | captions
auto-caption this | captions
make it vertical | reframe
crop to 9:16 for tiktok | reframe
square for insta | reframe
reframe on the speaker | reframe
make it 4:5 | reframe
fade up from black over 1 second | fade_in
dip to white at the end | fade_out
half-second fade out | fade_out
kill the audio | mute
no sound | mute
mute it | mute
can't hear him, bring it up | louder
audio up 6db | louder
too loud | quieter
duck the volume by half | quieter
hum on the audio, clean it | clean_voice
get rid of the background noise in the audio | clean_voice
voice is muddy with hiss, fix that | clean_voice
b&w, grain, vignette. done. | black_and_white+grain+vignette
brighter and warmer, then fade out | brighter+warmer+fade_out
stabilise it and then slow to half speed | stabilise+slow_motion
slow mo 2x, no sound, black and white | slow_motion+mute+black_and_white
sharpen + denoise | sharpen+denoise
blur the plate and kill the sound | blur+mute
reverse it then speed up 3x | reverse+speed_up
don't touch the colors, just stabilize | stabilise
everything's fine except it's too dark | brighter
ok this is way underexposed, bump it | brighter
shot's blown, pull it back | darker
exposure down half a stop | darker
a hair more contrast | more_contrast
less contrasty please | less_contrast
richer colour | more_saturation
mute the palette | less_saturation
kill all colour | black_and_white
make it mono | black_and_white
shift it towards blue | cooler
golden hour feel | warmer
teal and orange grade | cinematic
make it look like an old home movie | vintage
gritty and dark | moody+darker
give it that sepia thing | sepia
heavy vignette | vignette
more grain | grain
iso noise is killing me, denoise | denoise
clean up the noise in the shadows | denoise
a bit soft, needs sharpening | sharpen
strobing from the LED panel, get rid of it | deflicker
flip it left-right | mirror
steady this up, looks drunk | stabilise
gimbal look | stabilise
zoom 150% | zoom_in
tighter on the presenter | zoom_in
ken burns | zoom_in
blur that | blur
smudge out the address | blur
redact the name tag | blur
pixelate his tattoo | pixelate
hide all faces | blur_faces
blur bystanders' faces | blur_faces
defocus the background | background_blur
get the coffee cup out of there | remove
take out the light stand | remove
wipe the logo off the wall | remove
paint that car yellow | recolour
her shirt should be green | recolour
i want the sofa in teal | recolour
slow-mo this, 4x | slow_motion
at 50% speed | slow_motion
ramp it up to triple speed | speed_up
fast forward | speed_up
play in reverse | reverse
hold the last frame two seconds | freeze
freeze at 1.5 seconds for 3 seconds | freeze
add the text "Day 3" bottom left | title
super: "Jane, CEO" | title
"THE END" in the middle | title
fade to black over 2s | fade_out
silence this | mute
lose the sound | mute
crank the volume | louder
bit quieter | quieter
there's AC hum all over it, clean that | clean_voice
captions pls | captions
give it subtitles | captions
9:16 please | reframe
crop it square | reframe
desaturate, add grain, crush it a bit darker | less_saturation+grain+darker
warm it up and stabilise | warmer+stabilise
punch in 2x then fade out | zoom_in+fade_out
add captions and make it vertical | captions+reframe
mute, reverse, 2x speed | mute+reverse+speed_up
make it brighter | brighter
brighter | brighter
this is way too dark, can you brighten it up please? | brighter
The footage came out underexposed. | brighter
could you lift the exposure a little bit | brighter
increase brightness by 20% | brighter
i can barely see anything in this shot, its so dark | brighter
pls make the vid a bit lighter thx | brighter
bump up the brightness | brighter
darken the whole clip | darker
It's overexposed, please bring the exposure down | darker
too bright!! | darker
turn the brightness down a notch | darker
make the scene darker and moodier | darker+moody
the highlights are blown out | darker
less bright | darker
add some contrast | more_contrast
boost the contrast | more_contrast
the image looks flat | more_contrast
the picture is washed out, more contrast pls | more_contrast
more punch and contrast | more_contrast
reduce contrast slightly | less_contrast
contrast is too high | less_contrast
too much contrast | less_contrast
make the colors pop | more_saturation
more vivid colours | more_saturation
Make this more vibrant and saturated. | more_saturation
colors are dull, fix | more_saturation
crank the saturation way up | more_saturation
tone down the colors | less_saturation
desaturate it a bit | less_saturation
it's oversaturated | less_saturation
too colorful for my taste | less_saturation
less saturated | less_saturation
black and white | black_and_white
turn this into a b&w clip | black_and_white
convert to greyscale please | black_and_white
make it monochrome | black_and_white
remove all color | black_and_white
Make it warmer | warmer
give it a warm golden look | warmer
the white balance is too blue | warmer
looks kind of cold, warm it up | warmer
i'd love a warmer tone here | warmer
cooler tones please | cooler
too orange, cool it down | cooler
make the footage colder | cooler
shift the colors towards blue | cooler
give it a cinematic look | cinematic
make it look like a movie | cinematic
cinematic colour grade with more contrast | cinematic+more_contrast
make it feel like an old film from the 70s | vintage
retro vibe | vintage
add a vintage filter | vintage
sepia | sepia
put a sepia tone on it | sepia
add a vignette | vignette
darken the corners | vignette
add some film grain | grain
make it grainy | grain
reduce noise | denoise
the video is really grainy and noisy, clean it up | denoise
denoise | denoise
get rid of the grain | denoise
remove the noise from the picture | denoise
sharpen it | sharpen
it's a bit blurry, make it crisper | sharpen
make the picture more sharp | sharpen
make the image sharper and clearer | sharpen
enhance the details | sharpen
remove flicker | deflicker
the light flickers, fix that | deflicker
deflicker the timelapse | deflicker
flip it horizontally | mirror
mirror the video | mirror
stabilize | stabilise
The camera is shaky, please stabilise the shot. | stabilise
my hands were shaking while filming, smooth it out | stabilise
remove the camera shake | stabilise
steady the footage a little | stabilise
too shaky | stabilise
zoom in | zoom_in
zoom in 2x on the left side | zoom_in
slowly zoom in on her face | zoom_in
push in slowly towards the center | zoom_in
punch in 150% | zoom_in
crop in closer | zoom_in
blur this | blur
blur the license plate | blur
blur out the logo on his shirt | blur
please blur the street sign so nobody can read it | blur
make the whole video blurry | blur
can you obscure the phone number on the screen | blur
soften this area with a strong blur | blur
pixelate the logo | pixelate
censor the name tag | pixelate
mosaic over the credit card | pixelate
put a pixelated mosaic on the screen | pixelate
blur all faces | blur_faces
anonymize the people | blur_faces
hide everyone's identity | blur_faces
blur the kids faces please, they are minors | blur_faces
pixelate his face | blur_faces
anonymise faces | blur_faces
blur the background | background_blur
make the background out of focus | background_blur
give me some bokeh behind the speaker | background_blur
shallow depth of field | background_blur
portrait mode effect | background_blur
remove the man in the red shirt | remove
get rid of that trash can | remove
erase the microphone | remove
please take the watermark out | remove
make the bird disappear | remove
delete the person walking in the back | remove
edit out the boom pole | remove
can u remove this ugly sign thx | remove
paint out the wires | remove
remove the text overlay | remove
make the car red | recolour
change the color of her dress to green | recolour
turn the blue door into a yellow one | recolour
recolor the jacket purple | recolour
make his shirt blue instead of red | recolour
paint the wall orange | recolour
dye her hair pink | recolour
slow motion | slow_motion
make it slow mo | slow_motion
slow this down by half | slow_motion
play at 50% speed | slow_motion
0.5x | slow_motion
slow it down 4x | slow_motion
super slow motion when he jumps | slow_motion
it goes too fast, slow down pls | slow_motion
speed up | speed_up
speed this up 2x | speed_up
make it twice as fast | speed_up
double the speed | speed_up
fast forward through this part | speed_up
this part drags, make it faster | speed_up
play it at 1.5x speed | speed_up
turn it into a timelapse | speed_up
reverse it | reverse
play backwards | reverse
rewind the clip | reverse
can the video run in reverse? | reverse
freeze the last frame for 2 seconds | freeze
freeze frame at 3s | freeze
hold on the first frame for three seconds | freeze
pause the picture at the end | freeze
add a title that says "Summer 2024" | title
put the text 'Hello World' at the bottom | title
overlay the words "The End" in the middle | title
caption it with "My first vlog" | title
write "Breaking News" at the top left for 3 seconds | title
fade in | fade_in
fade in from black over 2 seconds | fade_in
fade to black at the end | fade_out
add a 1 second fade out | fade_out
fade in at the start and fade out at the end | fade_in+fade_out
end with a fade to white | fade_out
mute | mute
mute the audio | mute
remove the sound | mute
no sound please | mute
get rid of the audio track | mute
make it louder | louder
turn up the volume | louder
the sound is too quiet | louder
the audio is too loud | quieter
lower the volume by half | quieter
clean up the audio | clean_voice
remove background noise | clean_voice
there's a hum in the audio, get rid of it | clean_voice
reduce the wind noise | clean_voice
make the voice clearer | clean_voice
make it brighter and warmer | brighter+warmer
slow it down and make it black and white | slow_motion+black_and_white
Brighten the clip, add contrast and then stabilise it. | brighter+more_contrast+stabilise
reverse the clip, then slow it down 2x, and mute the sound | reverse+slow_motion+mute
warm it up, add a vignette and some grain | warmer+vignette+grain
denoise and sharpen | denoise+sharpen
increase contrast and saturation | more_contrast+more_saturation
too dark and too noisy | brighter+denoise
stabilise it, and blur the faces too | stabilise+blur_faces
ok so basically i want this part to be in slow motion if possible, and maybe a little warmer? | slow_motion+warmer
Hi there! Would you mind making this clip a touch brighter? Thank you so much. | brighter
so the thing is my phone camera was really bad that day and everything looks dark, fix it please | brighter
mkae it brigther | brighter
stabalize the vidoe | stabilise
balck and white | black_and_white
slwo motion | slow_motion
incraese the contrst | more_contrast
blurr the backgroud | background_blur
pixellate the licence plate | pixelate
remvoe the backgorund noise | clean_voice
sharpne the image | sharpen
Brighten up this clip, it was shot indoors | brighter
exposure +30% | brighter
it's a bit on the dark side | brighter
could we get more light in this shot | brighter
lower the exposure, the sky is blown | darker
shadows are too dark, lift them | brighter
give the image more contrast | more_contrast
looks too contrasty | less_contrast
colours look lifeless, boost them | more_saturation
make the colours less intense | less_saturation
turn it black & white | black_and_white
B&W please | black_and_white
I want this in grayscale | black_and_white
warm the tones slightly | warmer
make it feel more summery and warm | warmer
it has a yellow cast, neutralise it | cooler
add a cold blue mood | cooler
Hollywood style colour grading | cinematic
film look | cinematic
80s retro style | vintage
make it look like old super 8 footage | vintage
old timey sepia effect | sepia
vignette please | vignette
grainy film texture | grain
there's a lot of noise in the shadows, please reduce it | denoise
video noise removal | denoise
clean up the noisy footage | denoise
sharpen the edges a bit | sharpen
looks soft, needs sharpening | sharpen
the face is out of focus, sharpen it | sharpen
stop the flickering | deflicker
flickering lights need fixing | deflicker
mirror it left to right | mirror
the footage is jittery | stabilise
it looks handheld, make it smooth like on a gimbal | stabilise
reduce the shakiness | stabilise
zoom into the top right corner | zoom_in
slow zoom | zoom_in
ken burns effect | zoom_in
get closer to the subject | zoom_in
zoom x3 | zoom_in
blur out this guy | blur
hide the address on the envelope | blur
make the credit card number unreadable | blur
blur everything heavily | blur
pixelate this area | pixelate
censor that | pixelate
blur faces of bystanders | blur_faces
make people unrecognizable | blur_faces
protect their identities | blur_faces
please cover everyone's faces with a mosaic | blur_faces
blurred background | background_blur
keep the person sharp and blur what is behind | background_blur
separate the subject from the background with blur | background_blur
remove this object | remove
remove it | remove
take the guy in the background out | remove
erase the logo from the wall | remove
there is a lamp post, please get rid of it | remove
I don't want to see that bottle | remove
make the tourist vanish | remove
cut the drone out of the shot | remove
recolor the car to blue | recolour
make the sofa green | recolour
I'd like the balloon to be pink | recolour
change her shirt from white to red | recolour
turn it purple | recolour
dramatic slow motion | slow_motion
play it at quarter speed | slow_motion
half speed | slow_motion
slow the whole thing down a lot | slow_motion
too fast | slow_motion
0.25x speed | slow_motion
2x speed | speed_up
4x | speed_up
make it go faster | speed_up
it's too slow | speed_up
accelerate 3 times | speed_up
make a timelapse out of it | speed_up
increase the speed by 50% | speed_up
run it backwards | reverse
play this in reverse please | reverse
reverse playback | reverse
hold the last frame for 3 s | freeze
freeze at the end for two seconds | freeze
freeze frame | freeze
title: "Day 1" | title
show "Chapter One" in the center for 2 seconds | title
add text "SALE" top right | title
Put a lower third reading "Dr. Smith" | title
fade from white | fade_in
fade out at the end over 1.5 seconds | fade_out
start with a fade in | fade_in
fade in and out | fade_in+fade_out
silence the clip | mute
turn off the sound | mute
no audio | mute
make it silent | mute
boost the volume by 50% | louder
I can't hear it, make it louder | louder
half the volume | quieter
make the sound softer | quieter
it's too loud | quieter
get rid of the hiss | clean_voice
remove the air conditioner noise | clean_voice
his voice sounds muffled, make it clearer | clean_voice
audio is noisy | clean_voice
slow motion and reversed | slow_motion+reverse
blur the faces and mute it | blur_faces+mute
less saturated and a bit darker | less_saturation+darker
first stabilize, then sharpen, then add a fade out | stabilise+sharpen+fade_out
warm and bright | warmer+brighter
make it dark, cold and grainy | darker+cooler+grain
zoom in on the face and slow it down to half speed | zoom_in+slow_motion
too bright and too warm | darker+cooler
not bright enough | brighter
not sharp enough | sharpen
I think the contrast could be a bit higher | more_contrast
saturation down 20% | less_saturation
contrast up | more_contrast
volume down | quieter
can you please make sure that the license plate of the car is not readable | blur
stabilise but keep it natural | stabilise
make her face brighter | brighter
sharpen her eyes | sharpen
the audio has wind noise | clean_voice
desaturate everything but slightly | less_saturation
Could you increase the lighting in this scene? | brighter
needs more light | brighter
a little darker please | darker
give me a darker, moodier look | darker+moody
pump up the contrast and make the colors more vivid | more_contrast+more_saturation
I feel like the picture lacks contrast | more_contrast
drop the contrast by 10% | less_contrast
the greens are too saturated | less_saturation
it looks dull and grey, give it some life | more_saturation
strip the color out | black_and_white
old black and white movie look | black_and_white+vintage
turn to monochrome | black_and_white
color temperature warmer | warmer
skin tones look too blue, warm them | warmer
more cinematic please | cinematic
make this look like a scene from a movie | cinematic
give the clip a nostalgic 90s feel | vintage
add a subtle vignette around the edges | vignette
some light film grain | grain
noise reduction | denoise
image too noisy because of high ISO | denoise
a bit sharper | sharpen
increase sharpness by 20% | sharpen
the video is blurry, can you fix it? | sharpen
fix flickering | deflicker
flip horizontally | mirror
flip the video left to right | mirror
can you smooth out the camera movement | stabilise
video stabilization please | stabilise
I was walking while filming so it is really wobbly, please stabilize it | stabilise
zoom in a little | zoom_in
gradually zoom into the center | zoom_in
zoom in on the top left by 150% | zoom_in
slowly push in | zoom_in
blur the screen of the laptop | blur
can you blur my house number? | blur
put a blur over this | blur
add a blur effect to this region | blur
obscure the text | blur
pixelate it please | pixelate
pixelate the child's drawing | pixelate
use a mosaic to hide the tattoo | pixelate
blur out every face in the video | blur_faces
hide the faces | blur_faces
face blur | blur_faces
anonymise | blur_faces
make everyone unrecognisable | blur_faces
background blur | background_blur
make the background blurry | background_blur
blur everything behind her | background_blur
could you remove the traffic cone? | remove
remove the logo in the corner | remove
delete this guy | remove
get that ugly bin out of the shot | remove
remove the subtitles burned into the video | remove
make the wire disappear | remove
change the car's colour to green | recolour
make it pink | recolour
turn the flowers purple | recolour
can the mug be blue? | recolour
colour the ball orange | recolour
the jumper should be red | recolour
make this in slow motion | slow_motion
slow down the jump | slow_motion
slow it to a quarter of the speed | slow_motion
play at 0.25x | slow_motion
slow-mo x4 | slow_motion
slow down 2x with smooth interpolation | slow_motion
speed it up by 30% | speed_up
make the boring part faster | speed_up
8x speed | speed_up
triple speed | speed_up
fast motion | speed_up
the pace is too slow | speed_up
play the clip from end to start | reverse
reverse this segment | reverse
make it go backwards | reverse
freeze the frame at 2 seconds for 3 seconds | freeze
freeze the picture on the last frame | freeze
stop on the final frame for 1s | freeze
add the title "Intro" in the middle | title
text overlay: "50% OFF" | title
put "Subscribe!" at the bottom for 4 seconds | title
display the caption 'Later that day' | title
fade up from black | fade_in
fade the clip in | fade_in
finish with a fade out | fade_out
let it fade to black | fade_out
kill the sound | mute
strip the audio | mute
without sound | mute
mute this part | mute
raise the volume a bit | louder
audio is too low | louder
louder please | louder
make the audio quieter by 50% | quieter
turn it down, it's too loud | quieter
denoise the audio | clean_voice
clean the voice | clean_voice
there's a lot of background noise | clean_voice
get rid of the buzzing in the sound | clean_voice
reduce audio hiss | clean_voice
improve the audio quality | clean_voice
speed up 2x, mute, and add a fade out | speed_up+mute+fade_out
make it warmer, more saturated & sharper | warmer+more_saturation+sharpen
blur the license plate and the house number | blur
black and white with high contrast | black_and_white+more_contrast
black and white, slow motion and grain | black_and_white+slow_motion+grain
make the video brighter but reduce the contrast | brighter+less_contrast
grainy, dark, vintage look | grain+darker+vintage
hey, i have this clip of my son's birthday and its kinda dark and shaky, could you help me out? | brighter+stabilise
the thing is, people's faces must not be recognisable in it | blur_faces
Please apply a warm, vintage style color grade. | warmer+vintage
slow mo + reverse | slow_motion+reverse
mak it slwoer | slow_motion
stablize pls | stabilise
brightr | brighter
blur teh face | blur_faces
satruation up | more_saturation
sped up x2 | speed_up
please lighten the clip | brighter
can we have this a bit brighter? it's hard to see | brighter
the room is too dim | brighter
it's way too bright in here | darker
make the night scene darker | darker
make it more contrasty | more_contrast
soften the contrast | less_contrast
enhance the colors | more_saturation
more colourful please | more_saturation
reduce the saturation by half | less_saturation
colour to black and white | black_and_white
desaturate completely | black_and_white
add warmth | warmer
sunset warm tones | warmer
make the colors warmer and richer | warmer+more_saturation
cool tone | cooler
cool it down a bit | cooler
give it that movie feel | cinematic
cinematic grading with film grain | cinematic+grain
70s vibe with grain | vintage+grain
sepia toned | sepia
add heavy vignette | vignette
remove grain | denoise
the low light noise is terrible, please get rid of it | denoise
sharpen the video slightly | sharpen
make this crystal clear | sharpen
remove the flickering of the lamp | deflicker
mirror image | mirror
the camera shakes too much | stabilise
fix shaky footage | stabilise
steadier please | stabilise
zoom in on the man's face slowly | zoom_in
zoom to 200% | zoom_in
zoom the picture by 1.3 | zoom_in
make a close-up | zoom_in
blur the address | blur
please blur that region strongly | blur
blur out the phone screen and the papers on the desk | blur
pixelate the number on the door | pixelate
censor bar over the text | pixelate
censor all the faces | blur_faces
blur his face | blur_faces
the faces of the children need to be blurred | blur_faces
I need everyone's face hidden | blur_faces
throw the background out of focus | background_blur
add a bokeh effect | background_blur
blur the backdrop a lot | background_blur
erase this | remove
remove the cable on the floor | remove
remove the person on the left | remove
get rid of the mic stand please | remove
can you delete the traffic sign from the video? | remove
make the hat green | recolour
paint the fence purple | recolour
change the wall colour to teal | recolour
make the red car blue | recolour
recolour it to orange | recolour
slow this clip to 25% | slow_motion
slow it right down | slow_motion
1/2 speed | slow_motion
three times slower | slow_motion
play twice as slow | slow_motion
speed it up a bit | speed_up
10x faster | speed_up
play at double speed | speed_up
play it in reverse | reverse
backwards in slow motion | reverse+slow_motion
hold the final frame for 2 seconds | freeze
add a 3 second freeze at the end | freeze
title "Welcome" | title
insert text "Part 2" at the top | title
the words "Act One" should appear in the centre | title
fade to black | fade_out
fade out in 2s | fade_out
add fade in and fade out | fade_in+fade_out
turn the audio off | mute
delete the audio | mute
crank up the volume | louder
double the volume | louder
reduce the volume a little | quieter
clean audio | clean_voice
remove hum | clean_voice
the wind is drowning out the voice, reduce wind noise | clean_voice
remove noise from the audio | clean_voice
make it brighter, sharper and more colourful | brighter+sharpen+more_saturation
speed up 4x and mute | speed_up+mute
remove the sign and blur the license plates | remove+blur
flip it and reverse it | mirror+reverse
its a bit dull tbh, make it punchier | more_saturation+more_contrast
Lift the shadows | brighter
this shot is a little dark | brighter
the picture should be brighter | brighter
make everything a lot darker | darker
light is too strong | darker
contrast boost | more_contrast
lower contrast, please | less_contrast
make colors stronger | more_saturation
colour saturation +20% | more_saturation
take the saturation down a bit | less_saturation
monochrome look | black_and_white
b/w | black_and_white
warmer colors | warmer
colder look | cooler
the image is too yellow | cooler
make it look filmic | cinematic
vintage film effect with grain | vintage+grain
apply sepia | sepia
give it a vignette | vignette
grain | grain
clean up the grainy picture | denoise
there's so much noise in this footage | denoise
sharper image | sharpen
it isn't sharp | sharpen
deflicker | deflicker
my monitor flickers in the shot, remove that | deflicker
mirrored | mirror
stabilise this clip please, it was filmed handheld | stabilise
steady cam | stabilise
zoom in on the product | zoom_in
zoom to the bottom left corner | zoom_in
slow push in on the speaker | zoom_in
blur this part of the picture | blur
could you please blur the kid's name on the shirt | blur
hide the email address | blur
pixelate the car's plate | pixelate
mosaic effect | pixelate
hide all the faces for privacy | blur_faces
blur each person's face | blur_faces
background out of focus please | background_blur
blur just the background | background_blur
remove the pole | remove
erase the person behind me | remove
get rid of the stain on the wall | remove
remove that guy who walks through the frame | remove
make the bike yellow | recolour
recolour the roof in red | recolour
change the colour of the curtains to purple | recolour
slow-motion at half speed | slow_motion
play this slower | slow_motion
make it 3x slower | slow_motion
quicker | speed_up
make it run at double speed | speed_up
speed x3 | speed_up
rewind effect | reverse
play the video in reverse | reverse
freeze on the last frame | freeze
pause for 2 seconds at the end | freeze
overlay text "Hello" | title
the title should be "My Trip" | title
fade in at the beginning | fade_in
fade out slowly | fade_out
make the end fade to black | fade_out
remove audio | mute
I don't want any sound | mute
volume up | louder
sound louder | louder
make it less loud | quieter
noise in the audio | clean_voice
make speech clearer | clean_voice
sharpen and brighten | sharpen+brighter
add contrast & warmth | more_contrast+warmer
mute it and speed it up by 2 | mute+speed_up
first black and white then fade out | black_and_white+fade_out
not so dark please | brighter
a bit less warm | cooler
"""

IMPOSSIBLE = """
vhs-era home video look
lower the music
make the grass greener on the other side of the road and add cows
give the room new furniture
turn him into a robot
add rain drops on the lens
have the camera orbit around her
lipsync to spanish
make a thumbnail
fill the empty seats
close the door behind him
add a beat drop
replace the audio with narration
make this shot last 30 seconds
undress her
make it HDR
extend the frame to the left
put a dragon in the sky
make it night
add snow
make him smile
change what he says to "hello"
translate the speech
add a laugh track
put upbeat music under it
turn it into a pixar cartoon
anime style
add an explosion behind him
extend the shot by 10 seconds
show it from the other side
make it 4k with real detail
put a hat on the dog
remove the music but keep the voice
isolate the vocals
make the blurry face sharp enough to identify
generate a b-roll of a city
add a cat walking by
make the car drive the other way
open her eyes
change the weather to rain
age him by 20 years
fix it
lip sync to this
cut out the boring parts
remove the ums
match the color of the other clip
delete this clip
split it at 3 seconds
loop this 5 times
colorize this black and white film
give him a moustache
add lightning
replace the sky
make the sun set
turn day into night
remove her accent
write a script for this
swap the two people
add a crowd in the background
get the best take
sync the music to the cuts
generate an outro
make it longer
switch to the other camera
crossfade to the next clip
turn it into a gif
subtitles in german
make her look happy
turn this into claymation
have him look at the camera
auto tune his singing
rotate 90 degrees
picture in picture
split screen them
what do you think?
add a dragon flying over the city
make the dog talk
replace the background with a beach
replace the sky with a sunset
change the weather to snow
make it rain
turn him into a cartoon
make it anime style
in the style of van gogh
generate a new ending
make her smile
add an explosion in the background
put a hat on him
give him a beard
make him look younger
swap his face with tom cruise
translate the speech to spanish
dub it in french
make it night time
make the car fly
add a cat on the sofa
insert a drone shot of new york
extend the clip with more footage
show the room from another angle
change the camera angle
remove the background
put me on the moon
make it look like it was filmed in paris
add background music
add dramatic music and sound effects
change her outfit to a wedding dress
make the crowd bigger
turn the car into a spaceship
make him say "I love you"
change the voice to a woman's voice
colorize this black and white footage
make the water turn into lava
animate the logo
make it 3d
add subtitles in german
make the statue come alive
make me thinner
fix her eye contact so she looks at the camera
let the sun rise behind the mountain
pixar style please
make it look like a claymation
add a slow motion explosion
zoom in on the eyes and make them glow
blur the background and add a castle
make the person dance in slow motion
make it brighter and add a rainbow
brighten it and replace the car with a horse
turn the day into night
remove his glasses and give him blue eyes
make the flowers bloom
fill the glass with wine
change the text on the sign to "Open"
make the ball hit the goal
add snow falling
create a transition with portals
summarise the video
write a poem
what is the weather today
hello
order me a pizza
asdf qwer zxcv
make it go viral
make it better
set the house on fire
add more people to the crowd
open his eyes
turn the summer scene into winter
upscale to 8k with ai
remove the silence and the ums
generate captions in hindi
have the woman wave at the camera
make the room cleaner and tidy
slow down only the ball and keep the people at normal speed
swap the actors
clone the car three times
replace the car with a bike
give the dog sunglasses
make the dog bark
add clouds to the sky
make the sky more dramatic with lightning
turn the sea into a desert
make him dance
change his shirt to a suit
change the time of day to evening
make it look like a painting
make the building taller
generate a new scene where they fight
add falling leaves
add a crowd cheering
show a close up of the moon
make the man slimmer
remove her clothes
make the car drive faster
make the child older
have a bird land on his shoulder
insert a map animation
let it snow
add smoke
put a mustache on the man
create a talking avatar
make the player score a goal
turn the photo into a video
find the best moments
cut the first 3 seconds
trim the end
split the clip at 3 seconds
make it funny
make it professional
fix everything
do something cool
surprise me
make it shorter
remove the reflections and add a second person
what can you do?
change the language to French
add a voiceover
beautify her face
smooth her skin
whiten his teeth
fill in the empty seats with people
add fog
give the room modern furniture
brighten the room and add a chandelier
make it slow motion with bullets flying around
zoom out
rotate it 90 degrees
delete the last two words he says
replace the logo with ours
make the flame blue and bigger
add a reflection to the water
make her hair longer
change the car into a truck
add sparkles
turn the red car into a blue truck
make the lake look frozen
clean the plate away
remov the loog
turn off the lights in the room
turn on the lamp
make the lamp light up
make the man wave
replace the phone in his hand with a banana
can you put a rainbow over the bridge
insert a second person next to me
make the cup float
make the camera fly over the house
continue the story
make the door open
have him wink
make it look like it is raining
set the scene on mars
change the season to autumn
make it golden hour with birds flying
change what he says
turn my drawing into a movie
add a lens flare
add a countdown timer
add an arrow pointing at the ball
add an emoji
add a logo in the corner
add my watermark
draw a circle around the player
track the ball with a red circle
highlight the player
put a frame around the video
make it look like a drone shot
show it from above
make the eyes blue and bigger
make the clouds move faster
give her longer hair
remove the helmet and show his hair
fix the composition
make the people in the background walk the other way
add shadows under the table
make the fire bigger
make the sky clear and sunny with no clouds
put sunglasses on everyone
turn him into superman
make the house look abandoned
add a moustache
replace the audio with a song
add reverb
pitch up my voice
make my voice deeper
remove the echo
make a gif
rotate the video
increase the resolution to 4K
turn it into a meme
fix my accent
make them kiss
blow up the building
remove all the people and add dinosaurs
pan to the right
cut to the next scene
combine the two clips
delete the clip
undo
export it
send it to my mother
Can you make the picture a tad warmer and reduce the highlights?
make it look more professional
add some flowers on the table
make the man lift the car
make it look expensive
let the ball bounce higher
replace her dress
put a crown on her head
make the wall disappear and show a forest behind it
turn the horse into a zebra
add a second moon
turn the volume into music
make the baby laugh
have the car crash
make the person look at me
change his hair style
make the stadium full
remove the roof of the house and add a garden
make the robot real
fill the pool with water
add motion blur
make the cat speak english
give it a comic book look
add a progress bar
place a product on the table
insert an ad
make the horse white
change her hair to black
make the door look new
fix the bad acting
add stars
change the ending
reshoot it
what time is it
tell me about this video
play music
make it loop
shorten it to 5 seconds
remove pauses
more people
different background
put it in space
make it look like minecraft
make the snow fall slower
make the hands bigger
add a butterfly
make him handsome
replace the wall with windows
turn the cat into a lion
add neon lights
make the car look brand new
let her wear a hat
put fire in his hands
make the sky purple with two suns
change his expression to angry
make the dog bigger
remove the car and put a tree there
make the boat sail away
add a beam of light
make the picture look like a postcard
change the language
create an intro
make a montage
turn this into a cartoon
give me a funny version
add snow on the roof
move the lamp to the left
move the man closer to the camera
make the mountain taller
add wrinkles
let the flowers grow
open the window
make the table round
"""


def lines(text: str) -> list[str]:
    return [line.strip() for line in text.strip().splitlines()]


@pytest.mark.parametrize("line", lines(POSSIBLE))
def test_a_possible_prompt_becomes_its_operations(line: str) -> None:
    prompt, _, expected = line.rpartition(" | ")
    result = parse_prompt(prompt)
    assert isinstance(result, EditPlan), result
    assert "+".join(result.operations) == expected


@pytest.mark.parametrize("prompt", lines(IMPOSSIBLE))
def test_an_impossible_prompt_is_refused_with_three_suggestions(prompt: str) -> None:
    result = parse_prompt(prompt)
    assert isinstance(result, Refusal), result
    assert len(result.nearest) == 3
    assert set(result.nearest) <= BY_NAME.keys()
    assert result.sentence.endswith(".")


@pytest.mark.parametrize(
    ("prompt", "field", "value"),
    [
        ("slow it down 4x", "factor", 4.0),
        ("play at 25% speed", "factor", 4.0),
        ("double the speed", "factor", 2.0),
        ("halve the volume", "factor", 2.0),
        ("slightly brighter", "strength", 0.5),
        ("much brighter", "strength", 1.5),
        ("increase brightness by 15%", "strength", 0.5),
        ("zoom in 2x on the top left", "place", "top left"),
        ("slowly zoom in", "gradual", True),
        ("zoom in on his face", "place", "face"),
        ('put the title "Hello, World!" at the bottom', "text", "Hello, World!"),
        ("fade to white over 2.5 seconds", "duration_s", 2.5),
        ("fade to white over 2.5 seconds", "colour", "white"),
        ("freeze the frame at 2 seconds for 3 seconds", "at_s", 2.0),
        ("freeze the frame at 2 seconds for 3 seconds", "duration_s", 3.0),
        ("paint the fence purple", "colour", "purple"),
        ("blur the licence plate", "target", "the plate"),
        ("pixelate all faces", "style", "pixelate"),
        ("crop in on the left side", "place", "left"),
        ("zoom 2x into the top right corner", "place", "top right"),
        ("freeze the last frame for 3 secs", "duration_s", 3.0),
        ("hold on the first frame 1.5s", "duration_s", 1.5),
        ("hold on the first frame 1.5s", "at_s", 0.0),
        ("freeze frame at 2s", "at_s", 2.0),
        ('put "Chapter One" up top', "text", "Chapter One"),
        ('put "Chapter One" up top', "place", "top"),
        ('title "BREAKING"', "text", "BREAKING"),
        ('lower third saying "Dr. Jane Roe, Oncologist"', "text", "Dr. Jane Roe, Oncologist"),
        ('caption it: "meanwhile in Ohio" at the bottom for 2 seconds', "text", "meanwhile in Ohio"),
        ('caption it: "meanwhile in Ohio" at the bottom for 2 seconds', "place", "bottom"),
        ('caption it: "meanwhile in Ohio" at the bottom for 2 seconds', "duration_s", 2.0),
        ("text 'subscribe!' centre", "text", "subscribe!"),
        ("text 'subscribe!' centre", "place", "centre"),
        ("make it vertical", "aspect", "9:16"),
        ("crop to 9:16 for tiktok", "aspect", "9:16"),
        ("square for insta", "aspect", "1:1"),
        ("make it 4:5", "aspect", "4:5"),
        ("fade up from black over 1 second", "duration_s", 1.0),
        ("half-second fade out", "duration_s", 0.5),
    ],
)
def test_parameters_are_read_from_the_prompt(prompt: str, field: str, value: object) -> None:
    plan = parse_prompt(prompt)
    assert isinstance(plan, EditPlan)
    assert getattr(plan.steps[0], field) == value


@pytest.mark.parametrize(
    ("prompt", "has_box", "kind"),
    [
        ("remove it", False, "needs_box"),
        ("blur the sign", False, "needs_box"),
        ("brighten the sky", False, "needs_box"),
        ("make the car red", False, "needs_box"),
        ("slow motion", True, "not_in_box"),
        ("blur it", False, None),
        ("remove it", True, None),
        ("make it brighter", True, None),
        ("blur the sign and slow it down", True, None),
    ],
)
def test_a_plan_says_whether_it_goes_with_a_box(prompt: str, has_box: bool, kind: str | None) -> None:
    plan = parse_prompt(prompt)
    assert isinstance(plan, EditPlan)
    refusal = check_box(plan, has_box)
    assert (refusal.kind if refusal else None) == kind
    assert refusal is None or "`bounding_box`" in refusal.sentence


def test_an_empty_and_an_endless_prompt_are_refused_by_name() -> None:
    for prompt in ("", "   ", "brighter " * 300):
        refusal = parse_prompt(prompt)
        assert isinstance(refusal, Refusal)
        assert refusal.sentence.startswith("`prompt`")


def test_every_operation_is_described_and_its_own_examples_ask_for_it() -> None:
    for operation in OPERATIONS:
        assert operation.does.endswith(".") and operation.limit.endswith(".")
        for example in operation.examples:
            plan = parse_prompt(example)
            assert isinstance(plan, EditPlan), example
            assert operation.name in plan.operations, example
