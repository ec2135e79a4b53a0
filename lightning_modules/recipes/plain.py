"""Networks of one path without batch normalisation: AlexNet, ZFNet, VGG, NiN, DSN, All-CNN.

They diverge or stall at the rate 0.1 of the residual networks. Most start from small weights and take pixels of 0
to 255 without their mean: divided by a deviation of 60 as well, the signal would die out. Where a paper has no CIFAR
training, length and batch are those of ResNet on CIFAR, and everything else is the paper's as far as it trains there.
"""

from dataclasses import replace

from lightning_modules.recipes.recipe import CIFAR_IMAGES, IMAGENET_IMAGES, Recipe

QUARTERS = (1 / 4, 2 / 4, 3 / 4)
BY_HAND = "The rate falls after each quarter of the training; the paper waits until validation stalls."
MEAN_COLOUR = "The mean colour is removed instead of the mean image."
CHANNELS = "Channel mean and deviation are removed instead of the mean image."
NO_COLOURS = "Channel mean and deviation are removed, and colours aren't shifted."
WHITENING = (
    "Channel mean and deviation are removed instead of global contrast normalisation and ZCA whitening."
)
TRANSFER = "The paper has no CIFAR training: 164 epochs of batches of 128 are ResNet's (64k iterations)."

# Section 5: batch 128, momentum 0.9, 5e-4, N(0, 0.01²), biases 1 "in the second, fourth, and fifth convolutional
# layers, as well as in the fully-connected hidden layers", rate 0.01 "reduced three times", about 90 epochs.
# Section 2: "the (centered) raw RGB values of the pixels" of the central 256×256; 4.1: random 224 of these, mirror,
# principal components. Section 5 decays the weights; its velocity has the rate in it, torch's hasn't.
ALEXNET_IMAGENET = Recipe(
    "Krizhevsky et al., ImageNet Classification, Sections 4.1, 5: 90 epochs, rate 0.01 divided by ten 3 times",
    departures=(
        BY_HAND,
        MEAN_COLOUR,
        "The rate stands outside the momentum: after each of its falls, past gradients count a tenth of the paper's.",
        "The principal components of colours are fb.resnet.torch's, not computed anew.",
        "One centre crop is tested; the paper averages ten crops.",
    ),
    epochs=90,
    batch_size=128,
    lr=0.01,
    weight_decay=5e-4,
    nesterov=False,
    decay_exempt=("bias",),
    lr_milestones=QUARTERS,
    initialisation="normal",
    initial_deviation=0.01,
    unit_biases=("conv2", "conv4", "conv5", "fc6", "fc7"),
    normalisation="mean",
    train_crop="random_of_square",
    colour="pca",
)
# Section 3.1: batch 256, momentum 0.9, 5e-4, rate 10^-2 "decreased 3 times, and the learning was stopped after
# 370K iterations (74 epochs)"; S = 256, random crops of 224, mirror, colour shift, the mean colour removed.
VGG_IMAGENET = Recipe(
    "Simonyan and Zisserman, Very Deep Networks, Section 3.1: 370k iterations of 256, rate 0.01, S = 256",
    departures=(
        BY_HAND,
        "Xavier initialisation, which the paper found to do as well as starting from the trained network A.",
        "One centre crop of 256 is tested; the paper scores whole images and their mirror images, at several sizes.",
    ),
    epochs=round(370_000 * 256 / IMAGENET_IMAGES),
    batch_size=256,
    lr=0.01,
    weight_decay=5e-4,
    nesterov=False,
    lr_milestones=QUARTERS,
    initialisation="xavier",
    normalisation="mean",
    train_crop="random",
    colour="pca",
)

NIN_CIFAR10 = Recipe(
    "Lin et al., Network In Network, the released code for CIFAR-10: rate 0.1, /10 at 200 and 230 of 260 epochs",
    departures=(WHITENING, "The paper prints results with and without augmentation; this is with."),
    epochs=260,
    batch_size=128,
    lr=0.1,
    weight_decay=1e-4,
    nesterov=False,
    decay_exempt=("bias",),
    lr_multipliers=(("*bias", 2.0), ("mlpconv_3.4.*", 0.1)),
    lr_milestones=(200 / 260, 230 / 260),
    initialisation="normal",
    initial_deviation=0.05,
)

RECIPES = {
    "alexnet_imagenet": ALEXNET_IMAGENET,
    "alexnet_cifar": replace(
        ALEXNET_IMAGENET,
        source="Transfer of Krizhevsky et al., ImageNet Classification, Section 5: rate 0.01",
        departures=(
            TRANSFER,
            BY_HAND,
            "He initialisation and biases 0: with the paper's, the loss rises to 8 and then stays that of chance.",
            NO_COLOURS,
            "Biases are decayed too.",
        ),
        epochs=164,
        decay_exempt=(),
        initialisation="he_fan_in",
        unit_biases=(),
        normalisation="channel",
        train_crop="random_sized",
        colour="none",
    ),
    # Section 3: batch 128, rate 10^-2, momentum 0.9, annealed by hand when the validation error plateaus, 70
    # epochs, weights 10^-2 and biases 0, dropout in layers 6 and 7; filters of convolutions whose RMS is above 0.1
    # are scaled to it; crops of the central 256×256.
    "zfnet_imagenet": Recipe(
        "Zeiler and Fergus, Visualizing and Understanding, Section 3: 70 epochs, rate 0.01 annealed by hand",
        departures=(
            "The rate falls to a tenth after each quarter of the training; the paper anneals by hand.",
            "Weights start from N(0, 0.01²); the paper prints 10^-2.",
            "No weight decay, for the paper names none.",
            "Filters of convolutions whose RMS is above 0.1 aren't scaled back to it.",
            MEAN_COLOUR,
            "Random crops are taken instead of ten fixed ones; one centre crop is tested.",
        ),
        epochs=70,
        batch_size=128,
        lr=0.01,
        weight_decay=0.0,
        nesterov=False,
        lr_milestones=QUARTERS,
        initialisation="normal",
        initial_deviation=0.01,
        normalisation="mean",
        train_crop="random_of_square",
    ),
    "zfnet_cifar": Recipe(
        "Transfer of Zeiler and Fergus, Visualizing and Understanding, Section 3: rate 0.01",
        departures=(
            TRANSFER,
            BY_HAND,
            "He initialisation: from N(0, 0.01²), biases 0, it doesn't set out.",
            CHANNELS,
        ),
        epochs=164,
        batch_size=128,
        lr=0.01,
        weight_decay=0.0,
        nesterov=False,
        lr_milestones=QUARTERS,
        initialisation="he_fan_in",
    ),
    "vgg_imagenet": VGG_IMAGENET,
    "vgg_384_imagenet": replace(
        VGG_IMAGENET,
        source="Simonyan and Zisserman, Very Deep Networks, Section 3.1: as vgg_imagenet with S = 384",
        departures=(
            *VGG_IMAGENET.departures,
            "Trained from the start for 74 epochs at 0.01; the paper goes on from S = 256 at 0.001, no length printed.",
        ),
        train_sizes=(384, 384),
        test_size=384,
    ),
    # Every image is rescaled to an S drawn from [256, 512]; Table 3 tests at Q = 0.5 (256 + 512).
    "vgg_jitter_imagenet": replace(
        VGG_IMAGENET,
        source="Simonyan and Zisserman, Very Deep Networks, Section 3.1: as vgg_imagenet with S in [256, 512]",
        departures=(
            *VGG_IMAGENET.departures,
            "Trained from the start for 74 epochs at 0.01; the paper goes on from S = 384, no length printed.",
        ),
        train_crop="scale_jitter",
        train_sizes=(256, 512),
        test_size=(256 + 512) // 2,
    ),
    "vgg_cifar": Recipe(
        "Transfer of Simonyan and Zisserman, Very Deep Networks, Section 3.1: rate 0.01, weight decay 5e-4",
        departures=(
            TRANSFER,
            BY_HAND,
            "He initialisation: the deeper networks set out sooner than from Xavier.",
            NO_COLOURS,
        ),
        epochs=164,
        batch_size=128,
        lr=0.01,
        weight_decay=5e-4,
        nesterov=False,
        lr_milestones=QUARTERS,
        initialisation="he_fan_in",
    ),
    # mavenlin/cuda-convnet, README: 200 epochs, 30 more at a tenth of the rate, 30 more at a hundredth.
    # NIN/cifar-10_def: batch 128, initW 0.05; cifar-10_params: epsW 1 of a cost that counts 0.1, wc 0.00001, which
    # comes to rate 0.1 and weight decay 0.0001; epsW 0.1 in cccp6; epsB doubles epsW, biases aren't decayed.
    "nin_cifar": NIN_CIFAR10,
    # NIN/cifar-100_params: epsW 0.01 of a cost that counts 2, wc 0.001, which comes to rate 0.02 and weight decay
    # 0.0005 in all layers; cifar-100_def: initW 0.001 in conv1, 0.01 in cccp1 and cccp2, 0.05 in the others.
    "nin_cifar100": replace(
        NIN_CIFAR10,
        source="Lin et al., Network In Network, the released code for CIFAR-100: rate 0.02, /10 at 200 and 230",
        departures=(
            *NIN_CIFAR10.departures,
            "N(0, 0.05²) in all layers: from the code's 0.001 and 0.01 in the first three the ReLU on the classes dies.",
        ),
        lr=0.02,
        weight_decay=5e-4,
        lr_multipliers=(("*bias", 2.0),),
    ),
    "nin_imagenet": replace(
        ALEXNET_IMAGENET,
        source="Lin et al., Network In Network, released ImageNet network: solver not seen, as AlexNet's (check)",
        departures=(
            "The paper has no ImageNet training, and the released network's solver wasn't found: AlexNet's recipe.",
            BY_HAND,
            CHANNELS,
            "He initialisation (check).",
        ),
        initialisation="he_fan_in",
        unit_biases=(),
        normalisation="channel",
    ),
    # s9xie/DSN, examples/best_cifar10_9.65/*_solver.prototxt: base_lr 0.025, momentum 0.9, weight decay 0.0005,
    # none on biases, batches of 100. train_full.sh runs three of them: 50k iterations with companion losses; 120k
    # without, of which gamma 0.05 leaves 0.00125 to the last 20k; 30k at 0.0001. cifar-10.prototxt: weights
    # N(0, 0.05²), the companions' Xavier's; a tenth of the rate in cccp6, twice on biases.
    "dsn_cifar": Recipe(
        "Lee et al., Deeply-Supervised Nets, released code: rate 0.025 for 150k iterations, 20k at 0.00125, 30k 0.0001",
        departures=(
            "Channel mean and deviation are removed instead of global contrast normalisation.",
            "The companion losses fade over the whole training; the code drops them after 50k iterations.",
            "All losses are cross-entropies; the code has squared hinge losses on CIFAR-10.",
            "Companions' weights are normal, with the deviation of Caffe's Xavier, which is uniform.",
        ),
        epochs=(170_000 + 30_000) * 100 // CIFAR_IMAGES,
        batch_size=100,
        lr=0.025,
        weight_decay=5e-4,
        nesterov=False,
        decay_exempt=("bias",),
        lr_multipliers=(("*bias", 2.0), ("mlp3.3.*", 0.1)),
        lr_milestones=(150 / 200, 170 / 200),
        lr_factors=(0.05, 0.0001 / 0.00125),
        initialisation="normal",
        initial_deviation=0.05,
        initial_deviations=tuple(
            (f"auxiliary.conv{number}.*", (0.001 * 192 * side**2) ** -0.5)
            for number, side in ((1, 32), (2, 16), (3, 8))
        ),
    ),
    # Section 3.2: momentum 0.9, rates from {0.25, 0.1, 0.05, 0.01}, "multiplied by a fixed multiplier of 0.1
    # after S = [200, 250, 300] epochs", 350 epochs, weight decay 0.001.
    "all_cnn_cifar": Recipe(
        "Springenberg et al., Striving for Simplicity, Section 3.2: 350 epochs, rate 0.01, /10 at 200, 250, 300",
        departures=(
            WHITENING,
            "One rate for all networks, the lowest of the paper's, with which the loss falls most steadily at first.",
            "Batches of 128, N(0, 0.05²) as NiN: the paper prints neither; from He's the ReLU on the classes dies.",
            "Crops are shifted by up to 4 pixels, the paper's by 5.",
        ),
        epochs=350,
        batch_size=128,
        lr=0.01,
        weight_decay=1e-3,
        nesterov=False,
        lr_milestones=(200 / 350, 250 / 350, 300 / 350),
        initialisation="normal",
        initial_deviation=0.05,
    ),
    "all_cnn_imagenet": Recipe(
        "Springenberg et al., Striving for Simplicity, ImageNet: 450k iterations of 64, rate 0.01",
        departures=(
            "Rate (/10 every 200k iterations), length, batch and weight decay 0.0005 are as others quote them.",
            CHANNELS,
            "He initialisation: the paper prints none.",
        ),
        epochs=round(450_000 * 64 / IMAGENET_IMAGES),
        batch_size=64,
        lr=0.01,
        weight_decay=5e-4,
        nesterov=False,
        lr_milestones=(200 / 450, 400 / 450),
        initialisation="he_fan_in",
        train_crop="random",
    ),
}
