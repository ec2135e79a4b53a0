"""Small networks: SqueezeNet, MobileNets, EfficientNet, ShuffleNets.

MobileNets were trained with TensorFlow as Inception v3 was: here one synchronous step stands for the update of
one worker, its batch at the rate that the paper prints. On CIFAR, where none of the papers trains, they follow
fb.resnet.torch but for the paper's weight decay and what it exempts.
"""

from dataclasses import replace

from lightning_modules.recipes.inception import ASYNCHRONOUS, DISTORTION
from lightning_modules.recipes.recipe import IMAGENET_IMAGES, NOT_VERIFIED, Recipe
from lightning_modules.recipes.residual import FB_RESNET_CIFAR, FB_RESNET_IMAGENET

# On fan-out a 1×1 convolution to ten classes, as v2 and v3 end with, would start with logits of 10.
FAN_IN = "He initialisation is on fan-in, because the classifier is a convolution."
TRANSFER = "The paper has no CIFAR training; length and rate are fb.resnet.torch's, the weight decay its own."

# SqueezeNet_v1.0/solver.prototxt: base_lr 0.04, poly with power 1 over 170,000 iterations, batch 32 × iter_size
# 16, momentum 0.9, weight decay 0.0002; train_val.prototxt: Xavier, conv10 N(0, 0.01²), crops of 227, the
# means 104, 117 and 123 removed from pixels of 0 to 255. songhan/SqueezeNet-Residual, trainval.prototxt: mirrored.
SQUEEZENET_IMAGENET = Recipe(
    "Iandola et al., SqueezeNet, the released solver: 170k iterations of 512, rate 0.04 falling linearly to 0",
    departures=(
        "The released weights came from an older solver: rate 0.08, poly of power 0.5, 85k iterations of 1024.",
        "Images are mirrored as in the authors' file of SqueezeNet-Residual; that of v1.0 doesn't say so.",
        "Crops are as large as the data set's images, 224; the code's are 227.",
    ),
    epochs=round(170_000 * 32 * 16 / IMAGENET_IMAGES),
    batch_size=32 * 16,
    lr=0.04,
    weight_decay=2e-4,
    nesterov=False,
    schedule="linear",
    initialisation="xavier_fan_in",
    last_deviation=0.01,
    normalisation="mean",
    train_crop="random",
)
SQUASHED = "The centre 224 of short side 256 is tested; TF-slim squashes the central 87.5 % of both sides to a square."
PIXELS = "Channel mean and deviation are removed; TF-slim scales pixels to [-1, 1]."
# arXiv:1704.04861, Section 3: RMSProp, asynchronous, similar to Inception v3: decay 0.9, ε = 1.0, clipping at 2.0, a
# running average of the parameters, 100 epochs (arXiv:1512.00567, Section 8); no label smoothing, no side heads,
# less distortion by small crops, "very little or no weight decay (l2 regularization) on the depthwise filters".
# TF-slim's scripts: batches of 64, rate 0.045 × 0.94 every 2.5 epochs, momentum 0.9 and average 0.9999 where there
# is one; mobilenet_v1.py: weight decay 4e-5 on pointwise and first convolutions, truncated normal 0.09, batch
# normalisation's decay 0.9997 and ε 0.001.
MOBILENET_V1_IMAGENET = Recipe(
    "Howard et al., MobileNets, Section 3, and TF-slim: RMSProp as Inception v3, depthwise filters not decayed",
    departures=(
        ASYNCHRONOUS,
        DISTORTION,
        "The moving average, clipping at 2.0 and 100 epochs are Inception v3's; the paper prints none of them.",
        "Batch, rate, decay, initialisation and momentum are TF-slim's, whose own script has SGD without momentum.",
        "Crops have 25 % of the area at least (check); the paper only says that they are less distorted.",
        PIXELS,
        SQUASHED,
    ),
    epochs=100,
    batch_size=64,
    lr=0.045,
    weight_decay=4e-5,
    decay_exempt=("norm", "bias", "depthwise"),
    optimiser="rmsprop",
    rmsprop_decay=0.9,
    rmsprop_epsilon=1.0,
    gradient_clipping=2.0,
    schedule="exponential",
    lr_factor=0.94,
    lr_factor_epochs=2.5,
    weight_average=0.9999,
    initialisation="truncated_normal",
    initial_deviation=0.09,
    bn_momentum=1 - 0.9997,
    bn_epsilon=0.001,
    smallest_area=0.25,
    colour="jitter_pca",
)
# Section 4: the settings of ResNeXt but for weight decay 4e-5, a rate falling linearly from 0.5 to 0, and slightly
# weaker scale augmentation; 3 × 10^5 iterations with batches of 1024 on 4 GPUs.
SHUFFLENET_V1_IMAGENET = replace(
    FB_RESNET_IMAGENET,
    source="Zhang et al., ShuffleNet, Section 4: ResNeXt's settings, 3 × 10^5 iterations, rate 0.5 linearly to 0",
    departures=(
        "Crops have 8 % of the area at least, as in the released code; the paper takes more, without a number.",
    ),
    epochs=round(300_000 * 1024 / IMAGENET_IMAGES),
    batch_size=1024,
    lr=0.5,
    weight_decay=4e-5,
    schedule="linear",
)
SHUFFLENET_V1_CIFAR = replace(
    FB_RESNET_CIFAR,
    source="Transfer of Zhang et al., ShuffleNet: fb.resnet.torch with its weight decay 4e-5",
    departures=(TRANSFER,),
    weight_decay=4e-5,
    decay_exempt=("norm", "bias"),
)

RECIPES = {
    "squeezenet_imagenet": SQUEEZENET_IMAGENET,
    "squeezenet_cifar": replace(
        SQUEEZENET_IMAGENET,
        source="Transfer of Iandola et al., SqueezeNet, the released solver: rate 0.004 falling linearly to 0",
        departures=(
            "The paper has no CIFAR training: 164 epochs of batches of 128 are ResNet's (64k iterations).",
            "The batch is a quarter of the solver's, the rate a tenth: from a quarter the ReLU on the classes dies.",
        ),
        epochs=164,
        batch_size=512 // 4,
        lr=0.04 / 10,
        train_crop="random_sized",
    ),
    "mobilenet_v1_imagenet": MOBILENET_V1_IMAGENET,
    # Its paper spares depthwise filters. Those of v2 and v3 print no exemption, so on CIFAR their filters decay; on
    # ImageNet, where the rest of TF-slim's recipe is taken, so is its exemption.
    "mobilenet_v1_cifar": replace(
        FB_RESNET_CIFAR,
        source="Transfer of Howard et al., MobileNets: fb.resnet.torch, depthwise filters not decayed",
        departures=(
            TRANSFER,
            (
                "Tried at α = 0.25, two epochs at 0.02, 0.05, 0.1 and 0.2: 0.1 is within a tenth of the lowest loss, that of 0.2, "
                "and stays (`sweeps/rates.csv`); a second width isn't run yet."
            ),
        ),
        weight_decay=4e-5,
        decay_exempt=("norm", "bias", "depthwise"),
    ),
    # arXiv:1801.04381, Section 6.1: RMSProp decay and momentum 0.9, weight decay 4e-5, rate 0.045 × 0.98 per epoch,
    # 16 asynchronous workers with batches of 96. TF-slim, nets/mobilenet/README.md: 5.5 million steps on one GPU with
    # 0.98 every 2.5 epochs, label smoothing 0.1, average 0.9999; mobilenet.py: truncated normal 0.09, batch
    # normalisation's decay 0.997, no decay of depthwise filters; crops of 5 % of the area and more.
    "mobilenet_v2_imagenet": replace(
        MOBILENET_V1_IMAGENET,
        source="Sandler et al., MobileNetV2, Section 6.1: RMSProp, batch 96, rate 0.045 × 0.98 every epoch",
        departures=(
            ASYNCHRONOUS,
            DISTORTION,
            "The paper prints no length: after 165 epochs the rate is at 3.6 %, where TF-slim's longer training ends.",
            "Label smoothing, average, RMSProp's ε 1.0 and the depthwise filters' exemption are TF-slim's.",
            "Initialisation, batch normalisation's decay 0.997 and crops of 5 % of the area and more, too.",
            PIXELS,
            SQUASHED,
        ),
        epochs=165,
        batch_size=96,
        gradient_clipping=None,
        lr_factor=0.98,
        lr_factor_epochs=1,
        label_smoothing=0.1,
        bn_momentum=1 - 0.997,
        smallest_area=0.05,
    ),
    "mobilenet_v2_cifar": replace(
        FB_RESNET_CIFAR,
        source="Transfer of Sandler et al., MobileNetV2: fb.resnet.torch with its weight decay 4e-5",
        departures=(TRANSFER, FAN_IN),
        initialisation="he_fan_in",
        weight_decay=4e-5,
        decay_exempt=("norm", "bias"),
    ),
    # arXiv:1905.02244, Section 6.1: 4 × 4 TPU pod, synchronous, RMSProp momentum 0.9, rate 0.1, batch 4096 (128 per
    # chip), "learning rate decay rate of 0.01 every 3 epochs", 1e-5, average 0.9999, batch normalisation's decay
    # 0.99, dropout of 0.8. MnasNet's released code: RMSProp's decay 0.9, ε 0.001, label smoothing 0.1, 5 epochs of
    # warm-up, about 350 epochs. TF-slim: truncated normal 0.09, no decay of depthwise filters.
    "mobilenet_v3_imagenet": replace(
        MOBILENET_V1_IMAGENET,
        source="Howard et al., Searching for MobileNetV3, Section 6.1: RMSProp, batch 4096, rate 0.1 × 0.99 every 3",
        departures=(
            DISTORTION,
            "Decay of 0.01 every 3 epochs is read as a factor of 0.99, dropout of 0.8 as the share kept.",
            "RMSProp's ε 0.001, label smoothing 0.1 and 5 epochs of warm-up are MnasNet's, whose warm-up is linear.",
            "600 epochs are this project's choice: after MnasNet's 350 the rate would still be at 31 %.",
            "Initialisation and the depthwise filters' exemption from weight decay are TF-slim's.",
            PIXELS,
            SQUASHED,
        ),
        epochs=600,
        batch_size=4096,
        lr=0.1,
        weight_decay=1e-5,
        rmsprop_epsilon=0.001,
        gradient_clipping=None,
        lr_factor=0.99,
        lr_factor_epochs=3,
        warmup=5 / 600,
        label_smoothing=0.1,
        bn_momentum=1 - 0.99,
        smallest_area=0.08,
    ),
    "mobilenet_v3_cifar": replace(
        FB_RESNET_CIFAR,
        source="Transfer of Howard et al., Searching for MobileNetV3: fb.resnet.torch with its weight decay 1e-5",
        departures=(TRANSFER, FAN_IN),
        initialisation="he_fan_in",
        weight_decay=1e-5,
        decay_exempt=("norm", "bias"),
    ),
    # arXiv:1905.11946, Section 5.2: RMSProp decay and momentum 0.9, batch normalisation's momentum 0.99, 1e-5, rate 0.256
    # × 0.97 every 2.4 epochs, AutoAugment, stochastic depth of survival 0.8, dropout of 0.2 (B0) to 0.5 (B7), both knobs of
    # the network. Released code (tensorflow/tpu, models/official/efficientnet), main.py, utils.py, efficientnet_model.py:
    # 218,949 steps, "approximately 350 epochs at batch size 2048", rate 0.016 for 256 images and in proportion, so that
    # 0.256 is for 4096; RMSProp's ε 0.001, label smoothing 0.1, average 0.9999, 5 epochs of warm-up; all but batch
    # normalisation decays; N(0, 2 / fan out) and its decay 0.99, ε 0.001; crops of 8 % of the area and more, mirrored.
    "efficientnet_imagenet": replace(
        MOBILENET_V1_IMAGENET,
        source="Tan, Le, EfficientNet, Section 5.2: RMSProp, rate 0.256 × 0.97 every 2.4 epochs, 1e-5",
        departures=(
            "Images aren't changed by AutoAugment, which isn't here; they are cropped and mirrored.",
            "All training images are used to the end; the paper holds 25,000 back and stops early by them.",
            "The paper prints neither batch nor length: the code takes 0.256 for 4096 images, and trains about 350 epochs.",
            "ε 0.001, label smoothing 0.1, the average and 5 epochs of warm-up are the code's, whose warm-up is linear.",
            "Depthwise filters are drawn on a fan-out of all channels, the code's of one; the classifier as torch does.",
            "The centre is tested after short side 256 (at 224), bilinearly resized; the code resizes bicubically.",
        ),
        epochs=350,
        batch_size=4096,
        lr=0.256,
        weight_decay=1e-5,
        decay_exempt=("norm",),
        rmsprop_epsilon=0.001,
        gradient_clipping=None,
        lr_factor=0.97,
        lr_factor_epochs=2.4,
        warmup=5 / 350,
        label_smoothing=0.1,
        initialisation="he_fan_out",
        bn_momentum=1 - 0.99,
        smallest_area=0.08,
        colour="none",
    ),
    "efficientnet_cifar": replace(
        FB_RESNET_CIFAR,
        source="Transfer of Tan, Le, EfficientNet: fb.resnet.torch with its weight decay 1e-5",
        departures=(
            "The paper has no CIFAR training from random weights; length and rate are fb.resnet.torch's, the decay its own.",
            NOT_VERIFIED,
        ),
        weight_decay=1e-5,
        decay_exempt=("norm",),
    ),
    "shufflenet_v1_imagenet": SHUFFLENET_V1_IMAGENET,
    # megvii-model/ShuffleNet-Series: label smoothing 0.1, decay of weights with more than one dimension alone, no
    # Nesterov. Its networks have errors 0.1 to 1.1 points below the paper's.
    "shufflenet_v1_released_imagenet": replace(
        SHUFFLENET_V1_IMAGENET,
        source="Zhang et al., ShuffleNet, the released code: label smoothing 0.1, no Nesterov, weights alone decay",
        departures=(
            "Initialisation is He's; the code has deviations of 0.01 at both ends, 1 / channels between them.",
            "Batch normalisation's shift starts at 0, the code's at 1e-4.",
            "Statistics of batch normalisation are the running ones; the code recomputes them in a last pass.",
            "Channel mean and deviation are removed; the code takes pixels of 0 to 255, and no lighting noise.",
        ),
        nesterov=False,
        decay_exempt=("norm", "bias"),
        label_smoothing=0.1,
    ),
    "shufflenet_v1_cifar": SHUFFLENET_V1_CIFAR,
    "shufflenet_units_imagenet": SHUFFLENET_V1_IMAGENET,
    "shufflenet_units_cifar": SHUFFLENET_V1_CIFAR,
    # Section 4: hyper-parameters and protocols are exactly ShuffleNet v1's.
    "shufflenet_v2_imagenet": replace(
        SHUFFLENET_V1_IMAGENET,
        source="Ma et al., ShuffleNet V2, Section 4: hyper-parameters and protocols of ShuffleNet v1",
    ),
    "shufflenet_v2_cifar": replace(
        SHUFFLENET_V1_CIFAR,
        source="Transfer of Ma et al., ShuffleNet V2: fb.resnet.torch with its weight decay 4e-5",
    ),
}
