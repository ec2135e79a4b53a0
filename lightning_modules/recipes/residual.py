"""ResNet and what grew from it: Torch recipes, most of them the released code's (facebook/fb.resnet.torch).

Steps are derived from epochs of 50,000 (CIFAR) or 1,281,167 images (ImageNet). All decay every parameter.
"""

from dataclasses import replace

from lightning_modules.recipes.recipe import CIFAR_IMAGES, IMAGENET_IMAGES, NOT_VERIFIED, Recipe

# opts.lua, train.lua: nEpochs 164, batchSize 128 as README.md runs it, Nesterov 0.9 with dampening 0,
# learningRate() divides by ten after epochs 81 and 122.
FB_RESNET_CIFAR = Recipe(
    "facebook/fb.resnet.torch, CIFAR-10 settings: rate divided by ten after epochs 81 and 122 of 164",
    epochs=164,
    batch_size=128,
    lr=0.1,
    weight_decay=1e-4,
    lr_milestones=(81 / 164, 122 / 164),
)
# train.lua: divided by ten every 30 epochs; datasets/imagenet.lua: random sized crop, brightness, contrast, saturation
# 0.4, lighting 0.1, mirror; tested on the centre 224 of 256.
FB_RESNET_IMAGENET = Recipe(
    "facebook/fb.resnet.torch, ImageNet settings: rate divided by ten every 30 of 90 epochs",
    epochs=90,
    batch_size=256,
    lr=0.1,
    weight_decay=1e-4,
    lr_milestones=(30 / 90, 60 / 90),
    colour="jitter_pca",
)

# Section 4.2: "a mini-batch size of 128", "We start with a learning rate of 0.1, divide it by 10 at 32k and 48k
# iterations, and terminate training at 64k iterations"; 1e-4, momentum 0.9, initialisation of arXiv:1502.01852.
RESNET_CIFAR = Recipe(
    "He et al., Deep Residual Learning, Section 4.2: 64k iterations, rate divided by ten at 32k and 48k",
    departures=(
        "64k iterations of 128 images are written as 164 epochs (64,124 iterations).",
        "The warm-up of the 110-layer net is left out; the recipe resnet_110_cifar has it.",
        "Images are divided by 255 after the per-pixel mean is removed; the paper gives no scale.",
    ),
    epochs=round(64_000 * 128 / CIFAR_IMAGES),
    batch_size=128,
    lr=0.1,
    weight_decay=1e-4,
    nesterov=False,
    initialisation="he_fan_in",
    normalisation="pixel_mean",
)

# Section 6.2 (CIFAR): as each baseline; standard augmentation.
SENET_CIFAR = replace(
    FB_RESNET_CIFAR,
    source="Hu et al., Squeeze-and-Excitation Networks, CIFAR: as each baseline, here fb.resnet.torch",
    departures=(
        "One recipe for all baselines; a study of Wide ResNet or others names that family's recipe.",
        NOT_VERIFIED,
    ),
)
# Section 5 and README: synchronous SGD 0.9, batches of 1024, rate 0.6 divided by ten every 30 epochs, 100
# epochs, He initialisation, random sized crop, mirror, mean removed.
SENET_IMAGENET = Recipe(
    "Hu et al., Squeeze-and-Excitation Networks, Section 5: batch 1024, rate 0.6 divided by ten every 30",
    departures=(
        "Weight decay 1e-4 is that of ResNet; the paper prints none (check).",
        "Released models were trained with rotations and pixel jitter, which are left out.",
    ),
    epochs=100,
    batch_size=1024,
    lr=0.6,
    weight_decay=1e-4,
    nesterov=False,
    lr_milestones=(30 / 100, 60 / 100, 90 / 100),
    initialisation="he_fan_in",
)

RECIPES = {
    "fb_resnet_cifar": FB_RESNET_CIFAR,
    "fb_resnet_imagenet": FB_RESNET_IMAGENET,
    "resnet_cifar": RESNET_CIFAR,
    # "So we use 0.01 to warm up the training until the training error is below 80% (about 400 iterations)"
    "resnet_110_cifar": replace(
        RESNET_CIFAR,
        source="He et al., Deep Residual Learning, Section 4.2: the 110-layer net, rate 0.01 for 400 iterations",
        departures=(
            "64k iterations of 128 images are written as 164 epochs (64,124 iterations).",
            "The warm-up lasts the 400 iterations that the paper took, whatever the training error.",
            "Images are divided by 255 after the per-pixel mean is removed; the paper gives no scale.",
        ),
        warmup=400 / 64_000,
    ),
    # Section 3.4: "SGD with a mini-batch size of 256. The learning rate starts from 0.1 and is divided by 10 when
    # the error plateaus", up to 60 × 10^4 iterations, weight decay 1e-4, momentum 0.9, no dropout; shorter side in
    # [256, 480], 224 crop, mirror, per-pixel mean removed, AlexNet's colour augmentation.
    "resnet_imagenet": Recipe(
        "He et al., Deep Residual Learning, Section 3.4: 60 × 10^4 iterations of 256, sides in [256, 480]",
        departures=(
            "The rate falls after each quarter of the training; the paper waits for plateaus.",
            "Channel mean and deviation are removed in place of the per-pixel mean.",
            "One centre crop is tested; the paper's Tables 2 and 3 take ten crops, Table 4 whole images.",
            "Statistics of batch normalisation are the running ones; the released models' were recomputed.",
        ),
        epochs=round(600_000 * 256 / IMAGENET_IMAGES),
        batch_size=256,
        lr=0.1,
        weight_decay=1e-4,
        nesterov=False,
        lr_milestones=(1 / 4, 2 / 4, 3 / 4),
        initialisation="he_fan_in",
        train_crop="scale_jitter",
        train_sizes=(256, 480),
        colour="pca",
    ),
    # Appendix: batch 128 on 2 GPUs, weight decay 1e-4, momentum 0.9, rate 0.01 for the first 400 iterations, then
    # 0.1, divided by ten at 32k and 48k iterations.
    "preact_resnet_cifar": Recipe(
        "He et al., Identity Mappings, Appendix: 64k iterations, the first 400 at rate 0.01, /10 at 32k, 48k",
        departures=(
            "64k iterations of 128 images are written as 164 epochs; the released code takes 200 epochs.",
            "Nesterov momentum, and channel mean and deviation removed, as in the released code.",
        ),
        epochs=round(64_000 * 128 / CIFAR_IMAGES),
        batch_size=128,
        lr=0.1,
        weight_decay=1e-4,
        warmup=400 / 64_000,
    ),
    # Appendix: rate 0.1 without warming up, divided by ten at 30 and 60 epochs, batch 256 on 8 GPUs, shorter side
    # in [256, 480].
    "preact_resnet_imagenet": Recipe(
        "He et al., Identity Mappings, Appendix: 90 epochs of batches of 256, rate divided by ten at 30 and 60",
        departures=(
            "The centre 224 of 256 is tested; the paper's Table 5 has crops of 320.",
            "The length after the last division is fb.resnet.torch's 90 epochs; the paper doesn't print it.",
            "Nesterov momentum, and channel mean and deviation removed, as in the released code.",
        ),
        epochs=90,
        batch_size=256,
        lr=0.1,
        weight_decay=1e-4,
        lr_milestones=(30 / 90, 60 / 90),
        train_crop="scale_jitter",
        train_sizes=(256, 480),
        colour="pca",
    ),
    # Section 4 and the released code: 500 epochs of batches of 128, Nesterov 0.9, dampening 0, 1e-4.
    "stochastic_depth_cifar": Recipe(
        "Huang et al., Deep Networks with Stochastic Depth, Section 4: 500 epochs, rate /10 at 50 % and 75 %",
        departures=(
            "All 50,000 images train; the paper keeps 5,000 to choose the epoch whose test error it prints.",
        ),
        epochs=500,
        batch_size=128,
        lr=0.1,
        weight_decay=1e-4,
    ),
    "stochastic_depth_imagenet": replace(
        FB_RESNET_IMAGENET,
        source="Huang et al., Deep Networks with Stochastic Depth, Section 4: 90 epochs, rate /10 at 30 and 60",
        departures=("What the paper doesn't say is fb.resnet.torch's, on which its code builds.",),
    ),
    # Section 3 and train.lua: Nesterov 0.9, dampening 0, 5e-4, batch 128, rate "dropped by 0.2 at 60, 120 and 160
    # epochs and we train for total 200 epochs"; padded by reflection; He normal on fan-in (utils.lua).
    "wide_resnet_cifar": Recipe(
        "Zagoruyko and Komodakis, Wide Residual Networks, Section 3: 200 epochs, rate × 0.2 at 60, 120, 160",
        departures=(
            "Channel mean and deviation are removed, as for Tables 5 and 6; Tables 2 to 4 have ZCA whitening.",
        ),
        epochs=200,
        batch_size=128,
        lr=0.1,
        weight_decay=5e-4,
        lr_milestones=(60 / 200, 120 / 200, 160 / 200),
        lr_factor=0.2,
        initialisation="he_fan_in",
        padding="reflect",
    ),
    "wide_resnet_imagenet": replace(
        FB_RESNET_IMAGENET,
        source="Zagoruyko and Komodakis, Wide Residual Networks, Section 3: ImageNet as fb.resnet.torch",
        initialisation="he_fan_in",
    ),
    # Section 5.3 and the released code: 300 epochs, batch 128 on 8 GPUs, 5e-4, /10 at 150 and 225.
    "resnext_cifar": Recipe(
        "Xie et al., Aggregated Residual Transformations, Section 5.3: 300 epochs, /10 at 150 and 225, decay 5e-4",
        epochs=300,
        batch_size=128,
        lr=0.1,
        weight_decay=5e-4,
    ),
    # Section 4: batch 256 on 8 GPUs, 1e-4, rate 0.1, divided by ten three times by the schedule of
    # fb.resnet.torch, which divides every 30 epochs.
    "resnext_imagenet": replace(
        FB_RESNET_IMAGENET,
        source="Xie et al., Aggregated Residual Transformations, Section 4: ImageNet as fb.resnet.torch",
        departures=("The rate falls twice, after 30 and 60 of 90 epochs; the third time would be the end.",),
    ),
    "senet_cifar": SENET_CIFAR,
    "senet_imagenet": SENET_IMAGENET,
    "senet_inception_cifar": SENET_CIFAR,
    "senet_inception_imagenet": SENET_IMAGENET,
    "senet_154_imagenet": SENET_IMAGENET,
}
