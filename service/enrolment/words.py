"""Words for generated passphrases: short, plain and different ones (254 of them: 8 bits each)."""

from __future__ import annotations

_WORDS = """
acorn alder amber anchor apple april apron arrow aspen autumn bacon badge bagel bakery balcony
bamboo banana banjo barley barn basil basket beach beacon beaver bell berry birch biscuit blanket
blossom blue boat bonnet book bottle boulder bowl branch bread breeze brick bridge bronze brook
broom brush bucket button cabin cable cactus camel candle canoe canvas carbon carpet carrot castle
cedar cellar chalk cherry chess chestnut circle citrus clay cliff clock cloud clover coal coast
cobalt cocoa comet compass copper coral corner cotton cradle crane creek cricket crystal cup
curtain cypress daisy dawn desert diamond dolphin donkey door dragon drum dune eagle early east
echo elbow elm ember emerald engine evening fabric falcon fern fiddle field fig finch flame flint
flower flute fog forest fossil fountain fox garden garlic gate ginger glacier globe goose grain
granite grape gravel green guitar gull hammer harbour harvest hazel heather hedge heron hill
honey horizon horse island ivory jacket jasmine jelly jewel juniper kettle kitchen kite ladder
lagoon lake lamp lantern laurel lavender lemon lentil library lilac lime linen lion lizard lotus
lunar magnet mango maple marble market meadow melon mesa midnight mint mirror mitten morning moss
mountain muffin museum nectar needle nest north nutmeg oak oasis ocean olive onion orange orbit
orchard otter oval owl oyster paddle palm panda paper parrot pasta peach pearl pebble pepper
piano pigeon pillow pine planet plum pocket pond poppy potato prairie puzzle quartz quilt rabbit
radio rain raven ribbon river robin rocket saddle saffron salmon sandal shadow silver snow spruce
stone
"""

WORDS: tuple[str, ...] = tuple(_WORDS.split())
