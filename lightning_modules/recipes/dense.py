"""Deep networks that aren't sums of residuals: Highway, FractalNet, DenseNet."""

from dataclasses import replace

from lightning_modules.recipes.recipe import CIFAR_IMAGES, NOT_VERIFIED, Recipe
from lightning_modules.recipes.residual import FB_RESNET_IMAGENET

# Section 4: "We run for 400 epochs on CIFAR, 20 epochs on SVHN, and 70 epochs on ImageNet. Our learning rate
# starts at 0.02 (for ImageNet, 0.001)", "batch size 100 (for ImageNet, 32) and momentum 0.9", divided by ten
# whenever the number of epochs left halves; Xavier (Caffe's filler).
FRACTALNET_CIFAR = Recipe(
    "Larsson et al., FractalNet, Section 4: 400 epochs, rate 0.02, /10 whenever the epochs left halve",
    departures=(
        "No weight decay: the paper names none (check).",
        "Crops are padded with zeros; others' reproductions read reflection in the paper (check).",
        "The rate falls four times, until 25 epochs are left; later it would hardly move the weights.",
        NOT_VERIFIED,
    ),
    epochs=400,
    batch_size=100,
    lr=0.02,
    weight_decay=0.0,
    nesterov=False,
    lr_milestones=(1 - 1 / 2, 1 - 1 / 4, 1 - 1 / 8, 1 - 1 / 16),
    initialisation="xavier_fan_in",
)
# Section 4.2 and the released Torch code: batch 64, 300 epochs, 0.1 "divided by 10 at 50% and 75% of the total
# number of training epochs", 1e-4, Nesterov 0.9 without dampening, initialisation of arXiv:1502.01852.
DENSENET_CIFAR = Recipe(
    "Huang et al., Densely Connected Networks, Section 4.2: 300 epochs of batches of 64, /10 at 50 %, 75 %",
    departures=("The rate falls after 150 and 225 epochs; the released code's falls after 149 and 224.",),
    epochs=300,
    batch_size=64,
    lr=0.1,
    weight_decay=1e-4,
)
RECIPES = {
    # flukeskywalker/highway-networks, cifar10-19layers/cifar10_solver.prototxt: NESTEROV, base_lr 0.025, gamma
    # 0.1 at 100,000, 150,000 and 175,000 of 200,000 iterations of 100 images, weight decay 0.001, none on biases
    # (decay_mult 0); weights Xavier, ip2 N(0, 0.05²). The paper's rate decays exponentially on
    # MNIST (Section 3.1); elsewhere it falls by a factor at fixed times, chosen on a validation set.
    "highway_cifar": Recipe(
        "Srivastava et al., Training Very Deep Networks, the released code: 200k iterations, rate 0.025",
        departures=(
            "Channel mean and deviation are removed instead of global contrast normalisation.",
            "Biases have the same rate as weights; the code doubles it.",
            "The last layer has the same weight decay as the others; in the code it is ten times as large.",
            "Images are padded by 4 pixels before the crop; in the released code's README by 8.",
            "The first convolution starts from Xavier, too; the code's filler is Gaussian.",
        ),
        epochs=200_000 * 100 // CIFAR_IMAGES,
        batch_size=100,
        lr=0.025,
        weight_decay=1e-3,
        decay_exempt=("bias",),
        lr_milestones=(100 / 200, 150 / 200, 175 / 200),
        initialisation="xavier_fan_in",
        last_deviation=0.05,
    ),
    "fractalnet_cifar": FRACTALNET_CIFAR,
    "fractalnet_svhn": replace(
        FRACTALNET_CIFAR,
        source="Larsson et al., FractalNet, Section 4: SVHN, 20 epochs",
        departures=(
            "No weight decay: the paper names none (check).",
            "Pixels are divided by 255, as DenseNet's paper has it; FractalNet's own input isn't known here (check).",
            NOT_VERIFIED,
        ),
        epochs=20,
        normalisation="unit",
        augmentation="none",
    ),
    "fractalnet_imagenet": replace(
        FRACTALNET_CIFAR,
        source="Larsson et al., FractalNet, Section 4: 70 epochs of batches of 32, rate 0.001",
        departures=(
            "No weight decay: the paper names none (check).",
            "Crops of a fixed size and no colour augmentation (check).",
            "One centre crop is tested; the paper's figures are said to be of ten (check).",
        ),
        epochs=70,
        batch_size=32,
        lr=0.001,
        train_crop="random",
    ),
    "densenet_cifar": DENSENET_CIFAR,
    # Section 4.1: the 531,131 extra images are trained on, too, nothing is augmented, pixels are divided by 255, and
    # 6,000 training images choose the epoch; Section 4.2: 40 epochs.
    "densenet_svhn": replace(
        DENSENET_CIFAR,
        source="Huang et al., Densely Connected Networks, Sections 4.1 and 4.2: SVHN, 40 epochs of batches of 64",
        departures=(
            "All images are trained on, and the last epoch is tested; the paper keeps 6,000 to choose the epoch.",
        ),
        epochs=40,
        normalisation="unit",
        augmentation="none",
    ),
    # Section 4.2: 90 epochs with batches of 256, the rate "lowered by 10 times at epoch 30 and 60", augmentation of
    # fb.resnet.torch.
    "densenet_imagenet": replace(
        FB_RESNET_IMAGENET,
        source="Huang et al., Densely Connected Networks, Section 4.2: ImageNet as fb.resnet.torch",
        departures=("DenseNet-161 is trained as the others are: no settings of its own were found (check).",),
    ),
}
