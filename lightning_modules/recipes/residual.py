"""ResNet and what grew from it: Torch recipes, most of them the released code's (facebook/fb.resnet.torch).

Steps are derived from epochs of 50,000 (CIFAR) or 1,281,167 images (ImageNet). All decay every parameter.
"""

from dataclasses import replace

from lightning_modules.recipes.recipe import CIFAR_IMAGES, IMAGENET_IMAGES, NOT_VERIFIED, Recipe

# opts.lua, train.lua: nEpochs 164, batchSize 128 as README.md runs it, Nesterov 0.9 with dampening 0,
# learningRate() divides by ten from epochs 81 and 122 on, counted from 1.
FB_RESNET_CIFAR = Recipe(
    "facebook/fb.resnet.torch, CIFAR-10 settings: rate divided by ten at epochs 81 and 122 of 164",
    departures=("The rate falls after 81 and 122 epochs; the code's falls after 80 and 121.",),
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

# In the papers of He et al.: fb.resnet.torch's README names it as a difference that it decays everything.
DECAYED = (
    "All weights and biases decay; the authors' own code is said to have decayed those of convolutions alone."
)
CLASSIFIER = (
    "The classifier starts from torch's uniform draw; the paper names one initialisation for all layers."
)
HALF_BATCH = "Batch normalisation sees a device's whole batch; the paper's two GPUs had 64 images each."
RESNET_DEPARTURES = (DECAYED, HALF_BATCH, CLASSIFIER)

# Section 4.2: "a mini-batch size of 128", "We start with a learning rate of 0.1, divide it by 10 at 32k and 48k
# iterations, and terminate training at 64k iterations"; 1e-4, momentum 0.9, initialisation of arXiv:1502.01852.
RESNET_CIFAR = Recipe(
    "He et al., Deep Residual Learning, Section 4.2: 64k iterations, rate divided by ten at 32k and 48k",
    departures=(
        "64k iterations of 128 images are written as 164 epochs (64,124 iterations).",
        "The warm-up of the 110-layer net is left out; the recipe resnet_110_cifar has it.",
        "Images are divided by 255 after the per-pixel mean is removed; the paper gives no scale.",
        *RESNET_DEPARTURES,
    ),
    epochs=round(64_000 * 128 / CIFAR_IMAGES),
    batch_size=128,
    lr=0.1,
    weight_decay=1e-4,
    nesterov=False,
    initialisation="he_fan_in",
    normalisation="pixel_mean",
)

# Section 5.1, additional datasets: hyperparameters as in the baseline's own paper; standard augmentation.
SENET_CIFAR = replace(
    FB_RESNET_CIFAR,
    source="Hu et al., Squeeze-and-Excitation Networks, CIFAR: as each baseline, here fb.resnet.torch",
    departures=(
        "One recipe for all baselines; a study of Wide ResNet or others names that family's recipe.",
        NOT_VERIFIED,
    ),
)
MEAN_COLOUR = "Channel mean and deviation are removed; the paper removes the mean colour alone."
RESNETS_DECAY = "Weight decay 1e-4 is that of ResNet; the paper prints none."
# Section 5.1: synchronous SGD 0.9, batches of 1024, rate 0.6 divided by ten every 30 epochs, 100 epochs, He
# initialisation, random sized crop, mirror, mean colour removed.
SENET_IMAGENET = Recipe(
    "Hu et al., Squeeze-and-Excitation Networks, Section 5.1: batch 1024, rate 0.6 divided by ten every 30",
    departures=(
        RESNETS_DECAY,
        MEAN_COLOUR,
        "Released models had batches of 256, a rate of 0.1, rotations and pixel jitter, which are left out.",
    ),
    epochs=100,
    batch_size=1024,
    lr=0.6,
    weight_decay=1e-4,
    nesterov=False,
    lr_milestones=(30 / 100, 60 / 100, 90 / 100),
    initialisation="he_fan_in",
)

# Section 4 and the released code: 500 epochs of batches of 128, Nesterov 0.9, dampening 0, 1e-4; He initialisation on
# fan-in as in the code (main.lua).
STOCHASTIC_DEPTH_CIFAR = Recipe(
    "Huang et al., Deep Networks with Stochastic Depth, Section 4: 500 epochs, rate /10 at 50 % and 75 %",
    departures=(
        "All 50,000 images train; the paper keeps 5,000 to choose the epoch whose test error it prints.",
        "Channel mean and deviation are removed; the code has the mean image and one deviation for all pixels.",
    ),
    epochs=500,
    batch_size=128,
    lr=0.1,
    weight_decay=1e-4,
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
            *RESNET_DEPARTURES,
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
            "Channel mean and deviation are removed instead of the per-pixel mean.",
            "One centre crop is tested; the paper's Tables 2 and 3 take ten crops, Table 4 whole images.",
            "Statistics of batch normalisation are the running ones; the released models' were recomputed.",
            "Batch normalisation sees a device's whole batch; the paper's eight GPUs had 32 images each.",
            DECAYED,
            CLASSIFIER,
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
            DECAYED,
            HALF_BATCH,
        ),
        epochs=round(64_000 * 128 / CIFAR_IMAGES),
        batch_size=128,
        lr=0.1,
        weight_decay=1e-4,
        warmup=400 / 64_000,
    ),
    # KaimingHe/resnet-1k-layers, README.md, Usage: fb.resnet.torch for 200 epochs of batches of 64, without warming
    # up; so came the 4.62 of 1001 layers (Table 4).
    "preact_resnet_released_cifar": replace(
        FB_RESNET_CIFAR,
        source="He et al., Identity Mappings, the released code: fb.resnet.torch, 200 epochs, batches of 64",
        departures=FB_RESNET_CIFAR.departures,
        epochs=200,
        batch_size=64,
        lr_milestones=(81 / 200, 122 / 200),
    ),
    # Appendix: rate 0.1 without warming up, divided by ten at 30 and 60 epochs, batch 256 on 8 GPUs, shorter side
    # in [256, 480].
    "preact_resnet_imagenet": Recipe(
        "He et al., Identity Mappings, Appendix: 90 epochs of batches of 256, rate divided by ten at 30 and 60",
        departures=(
            "The centre 224 of 256 is tested; the paper's Table 5 has crops of 320.",
            "The length after the last division is fb.resnet.torch's 90 epochs; the paper doesn't print it.",
            "Nesterov momentum, and channel mean and deviation removed, as in the released code.",
            DECAYED,
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
    "stochastic_depth_cifar": STOCHASTIC_DEPTH_CIFAR,
    # Section 4, 1202 layers: 300 epochs, the first 10 at 0.01, then 0.1, divided by ten after 150 and 225.
    "stochastic_depth_1202_cifar": replace(
        STOCHASTIC_DEPTH_CIFAR,
        source="Huang et al., Stochastic Depth, Section 4, 1202 layers: 300 epochs, the first 10 at rate 0.01",
        epochs=300,
        lr_milestones=(150 / 300, 225 / 300),
        warmup=10 / 300,
    ),
    # Section 4: 50 epochs, 0.1 divided by ten after 30 and 35; Table 1: without augmentation, 6,000 images held out
    # and tested every 200 iterations.
    "stochastic_depth_svhn": replace(
        STOCHASTIC_DEPTH_CIFAR,
        source="Huang et al., Stochastic Depth, Section 4, SVHN: 50 epochs, rate divided by ten after 30 and 35",
        departures=(
            "All images are trained on, and the last epoch is tested; the paper keeps 6,000 to choose the iteration.",
            "Pixels are divided by 255, as DenseNet's paper does (check).",
        ),
        epochs=50,
        lr_milestones=(30 / 50, 35 / 50),
        normalisation="unit",
        augmentation="none",
    ),
    # Section 4: the printed 21.78 and 21.98 came after 120 epochs, the rate at 1e-4 from epoch 90 on; batches of
    # 128 at fb.resnet.torch's rate.
    "stochastic_depth_imagenet": replace(
        FB_RESNET_IMAGENET,
        source="Huang et al., Stochastic Depth, Section 4: 120 epochs of batches of 128, rate /10 at 30, 60, 90",
        departures=("What the paper doesn't say is fb.resnet.torch's, on which its code builds.",),
        epochs=120,
        batch_size=128,
        lr_milestones=(30 / 120, 60 / 120, 90 / 120),
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
    # Section 3: pixels divided by 255, nothing augmented; 160 epochs, 0.01 "dropped by 0.1" after 80 and 120.
    "wide_resnet_svhn": Recipe(
        "Zagoruyko and Komodakis, Wide Residual Networks, Section 3, SVHN: 160 epochs, rate 0.01, /10 at 80, 120",
        departures=("Length and rate are from memory of the paper's text (check).",),
        epochs=160,
        batch_size=128,
        lr=0.01,
        weight_decay=5e-4,
        lr_milestones=(80 / 160, 120 / 160),
        initialisation="he_fan_in",
        normalisation="unit",
        augmentation="none",
    ),
    "wide_resnet_imagenet": replace(
        FB_RESNET_IMAGENET,
        source="Zagoruyko and Komodakis, Wide Residual Networks, Section 3: ImageNet as fb.resnet.torch",
    ),
    # Section 5.3, Appendix A and the released code: 300 epochs, batch 128 on 8 GPUs, 5e-4, the rate lowered at epochs
    # 150 and 225; to a tenth each, as in the code (train.lua).
    "resnext_cifar": Recipe(
        "Xie et al., Aggregated Residual Transformations, Appendix A: 300 epochs, /10 at 150 and 225, decay 5e-4",
        departures=("The rate falls after 150 and 225 epochs; the released code's falls after 147 and 222.",),
        epochs=300,
        batch_size=128,
        lr=0.1,
        weight_decay=5e-4,
    ),
    # Section 4: batch 256 on 8 GPUs, 1e-4, rate 0.1, divided by ten three times by the schedule of fb.resnet.torch,
    # which divides every 30 epochs; opts.lua of the released code: 100 epochs, so that there is a third time. At the
    # printed 1.7 s a step they take 9.9 of Section 5.1's 10 days.
    "resnext_imagenet": replace(
        FB_RESNET_IMAGENET,
        source="Xie et al., Aggregated Residual Transformations, Section 4: rate divided by ten at 30, 60 and 90",
        departures=("Length, 100 epochs, is the released code's; the paper prints none.",),
        epochs=100,
        lr_milestones=(30 / 100, 60 / 100, 90 / 100),
    ),
    "senet_cifar": SENET_CIFAR,
    "senet_imagenet": SENET_IMAGENET,
    # Section 6, footnote 2: 270 epochs, the rate lowered at 125, 200 and 250; rate 0.1 and label smoothing 0.1 as in
    # the text, which keeps each rate until the validation loss stalls, three times, for about 300 epochs.
    "senet_ablation_imagenet": replace(
        SENET_IMAGENET,
        source="Hu et al., Squeeze-and-Excitation Networks, Section 6, footnote: 270 epochs, /10 at 125, 200, 250",
        departures=(
            "The tables' figures came from a rate that falls when the loss stalls; the footnote has its own.",
            "Batches of 256: the paper prints none here, and has them with the same rate in Section 5.1.",
            RESNETS_DECAY,
            MEAN_COLOUR,
        ),
        epochs=270,
        batch_size=256,
        lr=0.1,
        lr_milestones=(125 / 270, 200 / 270, 250 / 270),
        label_smoothing=0.1,
    ),
    # Section 5.1, MobileNet and ShuffleNet: batch 256, rate 0.1, divided by ten whenever the validation loss stalls,
    # about 400 epochs; augmentation and regularisation weaker, as ShuffleNet's, whose weight decay is 4e-5.
    "senet_mobile_imagenet": replace(
        SENET_IMAGENET,
        source="Hu et al., Squeeze-and-Excitation Networks, Section 5.1: MobileNet, ShuffleNet, batch 256, 400 epochs",
        departures=(
            "The rate falls after each quarter of the training; the paper waits until the loss stalls.",
            "Weight decay 4e-5 is ShuffleNet's; the paper only says that regularisation is weaker.",
            "Crops have 25 % of the area at least (check); the paper only says that augmentation is weaker.",
            MEAN_COLOUR,
        ),
        epochs=400,
        batch_size=256,
        lr=0.1,
        weight_decay=4e-5,
        lr_milestones=(1 / 4, 2 / 4, 3 / 4),
        smallest_area=0.25,
    ),
    # Appendix: batch 2048, rate 1.0, label smoothing as in Inception v3; the network has dropout of 0.2.
    "senet_154_imagenet": replace(
        SENET_IMAGENET,
        source="Hu et al., Squeeze-and-Excitation Networks, Appendix: SENet-154, batch 2048, rate 1.0, smoothing",
        departures=(
            "Batch normalisation stays in training to the end; the paper freezes it in the last epochs.",
            "Length and schedule are Section 5.1's: 100 epochs, the rate divided by ten every 30.",
            RESNETS_DECAY,
            MEAN_COLOUR,
        ),
        batch_size=2048,
        lr=1.0,
        label_smoothing=0.1,
    ),
}
