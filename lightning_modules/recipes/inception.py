"""GoogLeNet and its successors, trained by Google with TensorFlow and its forerunner: asynchronous replicas.

Here one synchronous step stands for the update of one replica: its batch, at the rate that the paper prints.
Tests take the centre 224 of 256, or 299 of 342 at that resolution: a share of 0.875, as TF-slim does.
On CIFAR, where none of the papers trains, they follow fb.resnet.torch, whose rate batch normalisation allows.
"""

from dataclasses import replace

from lightning_modules.recipes.recipe import IMAGENET_IMAGES, NOT_VERIFIED, Recipe
from lightning_modules.recipes.residual import FB_RESNET_CIFAR

ASYNCHRONOUS = (
    "One synchronous step has one replica's batch and rate; the paper's replicas were asynchronous."
)
DISTORTION = (
    "Colour distortions are fb.resnet.torch's, not TensorFlow's; images are resized one way, not several."
)
AVERAGE = "The decay of the average, 0.9999, is that of the released Inception v3; the paper prints none."
BLACKLIST = "All 50,000 validation images are tested; the paper's errors, without blacklisted ones, are 0.2 to 0.3 lower."
TRANSFER = "The paper has no CIFAR training; length, rate and decay are fb.resnet.torch's."

# arXiv:1409.4842, Section 5: mean subtraction; Section 6: asynchronous SGD, momentum 0.9, "decreasing the learning
# rate by 4% every 8 epochs", Polyak averaging; patches of 8 % to 100 % of the area, aspect 3/4 to 4/3.
# arXiv:1502.03167, Section 4.2: batches of 32; 4.2.2: the initial rate of its Inception, a later network, is 0.0015.
# BVLC Caffe, models/bvlc_googlenet/solver.prototxt: the paper's schedule, decay 0.0002, 10 million steps of 32.
GOOGLENET_IMAGENET = Recipe(
    "Szegedy et al., Going Deeper, Section 6: rate × 0.96 every 8 epochs, average; rate 0.0015 (Ioffe and Szegedy)",
    departures=(
        ASYNCHRONOUS,
        DISTORTION,
        AVERAGE,
        "The paper prints no length and no rate: 10 million steps are Caffe's, 0.0015 the later Inception's.",
        "Weight decay 2e-4 and Xavier initialisation are those of Caffe's GoogLeNet; the paper has neither.",
        "Biases start at 0, with the weights' rate and decay; Caffe's at 0.2, with twice the rate and no decay.",
        "One centre crop is tested; the paper averages up to 144.",
    ),
    epochs=round(10_000_000 * 32 / IMAGENET_IMAGES),
    batch_size=32,
    lr=0.0015,
    weight_decay=2e-4,
    nesterov=False,
    schedule="exponential",
    lr_factor=0.96,
    lr_factor_epochs=8,
    weight_average=0.9999,
    initialisation="xavier_fan_in",
    normalisation="mean",
    colour="jitter_pca",
)
BN_AVERAGE = (
    "The average of the weights is GoogLeNet's, its decay of 0.9999 Inception v3's; the paper names none."
)
BN_DECAY = "The period of the decay is made from GoogLeNet's 8 epochs; the paper doesn't print that of its Inception."
BN_MOMENTUM = "Momentum is 0.9, without Nesterov's look-ahead; the paper names its kind by a citation alone."
# arXiv:1502.03167, Section 4.2.1: rate times 5, no dropout, L2 regularisation a fifth, rate decayed 6 times
# faster, no local response normalisation, better shuffling, less photometric distortion; 4.2.2, Figure 3: 2.1
# million steps to 72.2 %.
BN_X5_IMAGENET = replace(
    GOOGLENET_IMAGENET,
    source="Ioffe and Szegedy, Batch Normalization, Section 4.2.2, BN-x5: rate 0.0075, decayed 6 times faster",
    departures=(
        ASYNCHRONOUS,
        BN_AVERAGE,
        BN_DECAY,
        BN_MOMENTUM,
        "Weight decay is a fifth of Caffe's 2e-4; the paper takes a fifth of one that it doesn't print.",
        "The paper prints the steps to 72.2 %, not the length; this is twice the 2.1 million of BN-x5.",
        "No colour distortion: the paper reduces it; images are shuffled anew for every epoch.",
    ),
    epochs=round(2 * 2_100_000 * 32 / IMAGENET_IMAGES),
    lr=5 * 0.0015,
    weight_decay=2e-4 / 5,
    lr_factor_epochs=8 / 6,
    initialisation="he_fan_in",
    colour="none",
)
# arXiv:1512.00567, Section 8: 50 replicas with batches of 32 for 100 epochs, RMSProp decay 0.9, ε = 1.0, rate
# 0.045 "decayed every two epoch using an exponential rate of 0.94", "gradient clipping with threshold 2.0",
# evaluation by a running average of the parameters; Section 7: label smoothing 0.1. tensorflow/models, inception:
# RMSProp's momentum 0.9, average 0.9999, batch normalisation's decay 0.9997 and ε = 0.001, weight decay 0.00004 on
# weights alone; truncated normal of 0.1, of 0.01 in the logits and the auxiliary 5×5, of 0.001 in its logits.
INCEPTION_V3_IMAGENET = Recipe(
    "Szegedy et al., Rethinking the Inception Architecture, Section 8: RMSProp, rate 0.045 × 0.94 every 2 epochs",
    departures=(
        ASYNCHRONOUS,
        DISTORTION,
        AVERAGE,
        "Weight decay, initial weights, RMSProp's momentum, batch normalisation's decay and ε are the released code's.",
        BLACKLIST,
    ),
    epochs=100,
    batch_size=32,
    lr=0.045,
    weight_decay=4e-5,
    decay_exempt=("norm", "bias"),
    optimiser="rmsprop",
    rmsprop_decay=0.9,
    rmsprop_epsilon=1.0,
    gradient_clipping=2.0,
    schedule="exponential",
    lr_factor=0.94,
    lr_factor_epochs=2,
    label_smoothing=0.1,
    weight_average=0.9999,
    initialisation="truncated_normal",
    initial_deviation=0.1,
    initial_deviations=(("linear.*", 0.01), ("auxiliary.4", 0.01), ("auxiliary.[78]", 0.001)),
    bn_momentum=1 - 0.9997,
    bn_epsilon=0.001,
    colour="jitter_pca",
)
# arXiv:1602.07261, Section 4: 20 replicas, RMSProp decay 0.9, ε = 1.0, rate 0.045 × 0.94 every two epochs, a
# running average of the parameters; Figures 23, 24 end at 160 epochs, 21, 22 at 200. The AAAI version adds
# that clipping was useful, without a threshold. TF-slim: variance scaling in convolutions, i.e. He's of the fan in.
INCEPTION_V4_IMAGENET = replace(
    INCEPTION_V3_IMAGENET,
    source="Szegedy et al., Inception-v4, Section 4: RMSProp, rate 0.045 × 0.94 every 2 epochs",
    departures=(
        ASYNCHRONOUS,
        DISTORTION,
        AVERAGE,
        "The length is where the figures of Inception-v4 and Inception-ResNet-v2 end, 160 epochs.",
        "Batches of 32 and label smoothing 0.1 are Inception v3's (check); the paper prints neither.",
        "No gradient clipping: arXiv's text names none, and the AAAI version no threshold.",
        "Weight decay, convolutions' initial weights, batch normalisation's decay and ε are TF-slim's (check).",
        "The last layer starts from torch's uniform draw.",
        BLACKLIST,
    ),
    epochs=160,
    gradient_clipping=None,
    initialisation="he_fan_in",
    initial_deviation=0.01,
    initial_deviations=(),
)

# Without batch normalisation, so at a plain network's rate.
GOOGLENET_CIFAR = Recipe(
    "Transfer of Szegedy et al., Going Deeper, Section 6: rate 0.01, linear to 0",
    departures=(
        "The paper has no CIFAR training: 164 epochs of batches of 128 are ResNet's (64k iterations).",
        "The rate is not the later Inception's 0.0015 for batches of 32 but 0.01 for 128, from He's initialisation.",
        NOT_VERIFIED,
    ),
    epochs=164,
    batch_size=128,
    lr=0.01,
    weight_decay=2e-4,
    nesterov=False,
    schedule="linear",
    initialisation="he_fan_in",
)
BN_BASELINE_CIFAR = replace(
    GOOGLENET_CIFAR,
    source="Transfer of Ioffe and Szegedy, Batch Normalization, Section 4.2.2, BN-Baseline: GoogLeNet's, rate 0.01",
    departures=(
        "The paper has no CIFAR training: 164 epochs of batches of 128 are ResNet's (64k iterations).",
        "The rate is the plain network's here, 0.01 for batches of 128, and falls linearly in all of its trainings.",
        NOT_VERIFIED,
    ),
)
# Section 4.2.1: five times the rate, a fifth of the L2 regularisation.
BN_X5_CIFAR = replace(
    BN_BASELINE_CIFAR,
    source="Transfer of Ioffe and Szegedy, Batch Normalization, Section 4.2.2, BN-x5: rate 0.05, a fifth of the decay",
    lr=5 * 0.01,
    weight_decay=2e-4 / 5,
)

RECIPES = {
    "googlenet_imagenet": GOOGLENET_IMAGENET,
    "googlenet_cifar": GOOGLENET_CIFAR,
    "bn_inception_imagenet": BN_X5_IMAGENET,
    # BN-Baseline: Inception with batch normalisation before each nonlinearity, nothing else changed.
    "bn_baseline_imagenet": replace(
        GOOGLENET_IMAGENET,
        source="Ioffe and Szegedy, Batch Normalization, Section 4.2.2, BN-Baseline: as GoogLeNet, rate 0.0015",
        departures=(
            ASYNCHRONOUS,
            DISTORTION,
            BN_AVERAGE,
            BN_DECAY,
            BN_MOMENTUM,
            "Weight decay is Caffe's 2e-4; the paper's isn't printed.",
            "Dropout and local response normalisation, which it keeps, are knobs of the network, not set here.",
            "The paper prints the steps to 72.2 %, not the length; this is twice its 13.3 million.",
        ),
        epochs=round(2 * 13_300_000 * 32 / IMAGENET_IMAGES),
        initialisation="he_fan_in",
    ),
    # BN-x30: as BN-x5 with the initial rate 0.045; 74.8 % after 6 million steps.
    "bn_x30_imagenet": replace(
        BN_X5_IMAGENET,
        source="Ioffe and Szegedy, Batch Normalization, Section 4.2.2, BN-x30: as BN-x5, rate 0.045",
        departures=(*BN_X5_IMAGENET.departures[:-2], BN_X5_IMAGENET.departures[-1]),
        epochs=round(6_000_000 * 32 / IMAGENET_IMAGES),
        lr=30 * 0.0015,
    ),
    "bn_baseline_cifar": BN_BASELINE_CIFAR,
    "bn_x5_cifar": BN_X5_CIFAR,
    "bn_x30_cifar": replace(
        BN_X5_CIFAR,
        source="Transfer of Ioffe and Szegedy, Batch Normalization, Section 4.2.2, BN-x30: as BN-x5, rate 0.3",
        lr=30 * 0.01,
    ),
    "bn_inception_cifar": replace(
        FB_RESNET_CIFAR,
        source="Transfer of Ioffe and Szegedy, Batch Normalization: fb.resnet.torch",
        departures=(TRANSFER,),
    ),
    "inception_v3_imagenet": INCEPTION_V3_IMAGENET,
    "inception_v3_cifar": replace(
        FB_RESNET_CIFAR,
        source="Transfer of Szegedy et al., Rethinking the Inception Architecture: fb.resnet.torch, smoothing 0.1",
        departures=(TRANSFER, "Label smoothing 0.1 is the paper's.", NOT_VERIFIED),
        label_smoothing=0.1,
    ),
    "inception_v4_imagenet": INCEPTION_V4_IMAGENET,
    "inception_v4_cifar": replace(
        FB_RESNET_CIFAR,
        source="Transfer of Szegedy et al., Inception-v4: fb.resnet.torch, smoothing 0.1",
        departures=(TRANSFER, "Label smoothing 0.1 is Inception v3's.", NOT_VERIFIED),
        label_smoothing=0.1,
    ),
    "inception_resnet_imagenet": replace(
        INCEPTION_V4_IMAGENET,
        source="Szegedy et al., Inception-v4, Section 4: Inception-ResNet as Inception-v4",
    ),
    # Inception v3 and Inception-ResNet-v1, which the paper draws together, longer than the others.
    "inception_resnet_v1_imagenet": replace(
        INCEPTION_V4_IMAGENET,
        source="Szegedy et al., Inception-v4, Section 4, Figures 21, 22: as Inception-v4, 200 epochs",
        departures=tuple(
            "The length is where Figures 21 and 22 end, 200 epochs."
            if "160 epochs" in departure
            else departure
            for departure in INCEPTION_V4_IMAGENET.departures
        ),
        epochs=200,
    ),
    "inception_resnet_cifar": replace(
        FB_RESNET_CIFAR,
        source="Transfer of Szegedy et al., Inception-v4: fb.resnet.torch, smoothing 0.1",
        departures=(TRANSFER, "Label smoothing 0.1 is Inception v3's.", NOT_VERIFIED),
        label_smoothing=0.1,
    ),
    # Section 4.2: SGD, momentum 0.9, rate 0.045 × 0.94 every 2 epochs, Polyak averaging; 4.3: weight decay 1e-5;
    # 4.4: 60 GPUs, synchronous on ImageNet.
    "xception_imagenet": Recipe(
        "Chollet, Xception, Sections 4.2, 4.3: SGD, rate 0.045 × 0.94 every 2 epochs, weight decay 1e-5, average",
        departures=(
            "Batches of 256 and 100 epochs (check): the paper prints neither.",
            "Weight decay is on weights alone, as in TensorFlow (check).",
            AVERAGE,
            "Augmentation is Inception v3's here; the paper doesn't print it (check).",
            "He initialisation and torch's momentum of batch normalisation: the paper prints neither.",
            BLACKLIST,
        ),
        epochs=100,
        batch_size=256,
        lr=0.045,
        weight_decay=1e-5,
        nesterov=False,
        decay_exempt=("norm", "bias"),
        schedule="exponential",
        lr_factor=0.94,
        lr_factor_epochs=2,
        weight_average=0.9999,
        initialisation="he_fan_in",
        colour="jitter_pca",
    ),
    "xception_cifar": replace(
        FB_RESNET_CIFAR,
        source="Transfer of Chollet, Xception: fb.resnet.torch with its weight decay 1e-5",
        departures=(
            "The paper has no CIFAR training; length and rate are fb.resnet.torch's, the weight decay its own.",
            NOT_VERIFIED,
        ),
        weight_decay=1e-5,
        decay_exempt=("norm", "bias"),
    ),
}
