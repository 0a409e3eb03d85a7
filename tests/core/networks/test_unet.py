"""The U-Net: any size of image, nothing shared between points, t in the embedding alone; and who may have one."""

from __future__ import annotations

import math

import pytest
import torch

import dnf_studio as dnf
from dnf_studio.config import Config
from dnf_studio.core.data.image_shape import ImageShape
from dnf_studio.core.networks.autograd_kernel import AutogradKernel
from dnf_studio.core.networks.unet import UNet, group_norm
from dnf_studio.errors import SettingError, UnsupportedError
from tests.networks import IMAGE, live


@pytest.mark.parametrize(
    ("height", "width", "channels", "lowest"),
    [(8, 8, 1, (4, 4)), (28, 28, 1, (7, 7)), (32, 32, 3, (4, 4)), (9, 5, 3, (5, 3)), (1, 1, 1, (1, 1)),
     (1, 30, 1, (1, 4))],
)  # fmt: skip
def test_images_of_any_size_come_back_with_their_size(
    height: int, width: int, channels: int, lowest: tuple[int, int]
) -> None:
    network = UNet(ImageShape(height, width, channels, 0, 1), channels=4)
    seen: list[torch.Size] = []
    network.middle[1].register_forward_hook(lambda _, given, __: seen.append(given[0].shape[2:]))
    assert network.dim == height * width * channels
    x = torch.randn(3, network.dim)
    assert not network(x, torch.tensor(0.1)).any(), "at first the field is zero"
    assert tuple(seen[0]) == lowest
    assert live(network)(x, torch.tensor(0.1)).shape == x.shape


def test_a_row_is_an_image_line_by_line_with_the_channels_of_a_pixel_together() -> None:
    network = UNet(ImageShape(2, 3, 3, 0, 1), channels=4)
    seen: list[torch.Tensor] = []
    network.input.register_forward_pre_hook(lambda _, given: seen.append(given[0]))
    x = torch.arange(18.0)[None]
    network(x, torch.tensor(0.0))
    assert seen[0][0, 1].tolist() == [[1, 4, 7], [10, 13, 16]], "green"


def test_points_do_not_see_each_other_and_one_time_for_all_equals_a_time_for_each() -> None:
    network = live(UNet(ImageShape(4, 6, 1, 0, 1), channels=8, layers=2)).double()
    x, t = torch.randn(5, 24).double(), torch.tensor(0.2).double()
    whole = network(x, t)
    torch.testing.assert_close(torch.cat([network(row[None], t) for row in x]), whole, rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(network(x, t.expand(5)), whole, rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(network.body(x, network.embed_time(t[None])[0]), whole, rtol=1e-12, atol=1e-12)
    assert not torch.allclose(network(x, t + 0.1), whole), "it depends on t"
    assert not any(isinstance(part, torch.nn.BatchNorm2d) for part in network.modules())


@pytest.mark.parametrize("width", [4, 6, 7, 30, 32, 64, 97, 256])
def test_groups_divide_the_channels_and_are_no_smaller_than_four(width: int) -> None:
    groups = group_norm(width).num_groups
    assert width % groups == 0 and groups <= 32
    assert groups == 1 or width // groups >= 4


def test_the_divergence_is_the_trace_also_in_inference_mode() -> None:
    network = live(UNet(ImageShape(2, 2, 1, 0, 1), channels=4)).double()
    x, times = torch.randn(3, 4).double(), torch.tensor([0.1, 0.3]).double()
    jacobian = torch.autograd.functional.jacobian(lambda x: network(x, times[1]).sum(0), x)
    with torch.inference_mode():
        kernel = AutogradKernel(network, network.embed_time(times))
        value, divergence = kernel.with_divergence(x, 1)
    torch.testing.assert_close(value, network(x, times[1]))
    torch.testing.assert_close(divergence, jacobian.diagonal(dim1=0, dim2=2).sum(1))


@pytest.mark.parametrize("probed", [False, True])
def test_the_divergence_of_many_points_has_one_graph_after_the_other(
    probed: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    network = live(UNet(ImageShape(2, 2, 1, 0, 1), channels=4)).double()
    x, times = torch.randn(7, 4).double(), torch.tensor([0.1]).double()
    signs = torch.randn(7, 4).sign().double() if probed else None
    kernel = AutogradKernel(network, network.embed_time(times))
    whole = kernel.with_divergence(x, 0, signs)
    monkeypatch.setattr("dnf_studio.core.networks.autograd_kernel.KEPT_BYTES", {"cpu": 2 * 8 * network.kept_numbers})
    assert kernel.sizes.chunk == 2
    for one, other in zip(kernel.with_divergence(x, 0, signs), whole, strict=True):
        torch.testing.assert_close(one, other)


def test_hidden_layers_run_in_bfloat16_between_float32_ends() -> None:
    network = live(UNet(ImageShape(8, 8, 1, 0, 1), channels=8))
    x, embedding = torch.randn(4, 64), network.embed_time(torch.tensor([0.1]))
    assert network.kept_numbers, "which a copy tells, with the hooks that there are"
    types: list[torch.dtype] = []
    for layer in (network.input, network.down[0].conv, network.output):
        layer.register_forward_hook(lambda _, __, out: types.append(out.dtype))
    narrow, wide = (AutogradKernel(network, embedding, kind).value(x, 0) for kind in (torch.bfloat16, torch.float32))
    assert types[:3] == [torch.float32, torch.bfloat16, torch.float32]
    assert narrow.dtype == torch.float32 and not torch.equal(narrow, wide)
    assert torch.cosine_similarity(narrow.flatten(), wide.flatten(), dim=0) > 0.999


def test_what_is_kept_of_a_point_is_the_same_whatever_was_done_with_the_network() -> None:
    """A frozen copy, as the window has it, must split a batch as the network in training does."""
    network = UNet(ImageShape(6, 6, 1, 0, 1), channels=4)
    frozen = UNet(ImageShape(6, 6, 1, 0, 1), channels=4).requires_grad_(False).double()
    assert network.kept_numbers == frozen.kept_numbers > 50 * 36
    rows = AutogradKernel(network, network.embed_time(torch.zeros(1))).sizes.kept
    assert rows == (1 << 27) // (4 * network.kept_numbers)


def test_only_images_have_a_unet_and_a_flow_has_none() -> None:
    with pytest.raises(UnsupportedError, match=r"^A U-Net is for images.*kind to 'mlp'"):
        dnf.train(Config.create({"data": "rings", "network": {"kind": "unet"}}))
    with pytest.raises(SettingError, match="A flow has no network but an mlp"):
        Config.create({"model": "flow", "network": {"kind": "unet"}, "data": "digits"})
    with pytest.raises(SettingError, match=r"network\.kind.*'cnn'"):
        Config.create({"network": {"kind": "cnn"}})


def test_a_kind_of_network_has_defaults_of_its_own() -> None:
    images = Config.create({"network": {"kind": "unet"}})
    assert (images.network.channels, images.network.layers, images.training.batch) == (32, 1, 64)
    there = Config().changed({"network.kind": "unet", "training.batch": 7})
    assert there == images.changed({"training.batch": 7})
    assert Config().changed({"training.batch": 1024}).changed({"network.kind": "unet"}) == images
    assert Config().changed({"training.batch": 20}).changed({"network.kind": "unet"}).training.batch == 20
    assert there.changed({"network.kind": "mlp", "training.batch": Config().training.batch}) == Config()
    noise = Config.create({"model": "diffusion", "network": {"kind": "unet"}})
    assert (noise.network.channels, noise.training.ema, noise.sde.steps) == (32, 0.995, 100)
    assert Config().changed({"model": "diffusion", "network.kind": "unet"}) == noise
    assert Config.from_json(noise.to_json()) == noise
    assert math.isclose(Config.create({"network": {"kind": "unet", "channels": 12}}).network.channels, 12)


def test_its_multiply_adds_are_those_counted_by_hand() -> None:
    """8 × 2 grey pixels are halved once, to 4 × 1; a 3 × 3 convolution has 9 a pixel and pair of channels."""
    wide, low = 16 * 9, 4 * 9
    down = wide * (1 * 4 + 2 * 4 * 4) + low * (4 * 4 + 4 * 8 + 8 * 8) + 4 * (4 * 8)
    middle = low * (4 * 8 * 8) + 4 * (8 * 24 + 8 * 8) + 2 * 4**2 * 8
    up_low = low * (16 * 8 + 12 * 8 + 2 * 8 * 8) + 4 * (16 * 8 + 12 * 8)
    up_wide = wide * (8 * 8 + 12 * 4 + 8 * 4 + 2 * 4 * 4 + 4 * 1) + 16 * (12 * 4 + 8 * 4)
    assert down + middle + up_low + up_wide == 60_608
    network = UNet(IMAGE, channels=4)
    assert network.multiply_adds == 60_608
    assert not any(layer._forward_hooks for layer in network.modules())
