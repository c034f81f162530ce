"""`convolve` and `correlate`: worked by hand, against NumPy, SciPy and the formula itself."""

from __future__ import annotations

import itertools
import subprocess
import sys
from typing import Any

import numpy as np
import pytest
import scipy.ndimage
import scipy.signal
import torch

import striate
from striate import OptionError, ShapeError
from striate.signal import convolve, correlate

from . import reference
from .reference import BOUNDARIES, NDIMAGE, tolerance

MODES = ["full", "same", "valid"]
SIZES = [(1, 1), (2, 1), (5, 3), (5, 4), (7, 2), (13, 13), (3, 5), (2, 7), (1, 4)]


def numbers(*shape: int, seed: int = 0) -> Any:
    return np.random.default_rng(seed).standard_normal(shape)


class TestByHand:
    def test_full_shows_the_kernel_sliding_in_and_out(self) -> None:
        # 1*4, 1*5 + 2*4, 2*5 + 3*4, 3*5
        assert convolve([1, 2, 3], [4, 5]).tolist() == [4, 13, 22, 15]

    def test_convolution_with_an_impulse_gives_the_kernel_back(self) -> None:
        assert convolve([0, 1, 0, 0], [1, 2, 3], mode="same").tolist() == [1, 2, 3, 0]

    def test_correlation_does_not_flip(self) -> None:
        # 1*1 + 2*2, 1*2 + 2*3
        assert correlate([1, 2, 3], [1, 2], mode="valid").tolist() == [5, 8]

    def test_an_even_kernel_leans_forward_in_same(self) -> None:
        # The first output has only x[0] under the kernel's second place: 0 + 1, 1 + 2, 2 + 3.
        assert convolve([1, 2, 3], [1, 1], mode="same").tolist() == [1, 3, 5]

    @pytest.mark.parametrize(
        ("boundary", "first"),
        [("zeros", 0), ("reflect", 2), ("symmetric", 1), ("replicate", 1), ("circular", 4)],
    )
    def test_what_stands_before_one_two_three_four(self, boundary: str, first: int) -> None:
        # [1, 0, 0] reads, in correlation, the pixel before each.
        y = correlate([1, 2, 3, 4], [1, 0, 0], mode="same", boundary=boundary)  # type: ignore[arg-type]
        assert y.tolist() == [first, 1, 2, 3]

    def test_a_two_by_two_kernel_on_a_three_by_four_image(self) -> None:
        # Goodfellow, Bengio, Courville 2016, figure 9.1: 1*0 + 2*1 + 3*4 + 4*5 = 34 at the start.
        y = correlate(np.arange(12).reshape(3, 4), [[1, 2], [3, 4]], mode="valid")
        assert y.tolist() == [[34, 44, 54], [74, 84, 94]]

    def test_a_complex_kernel_is_conjugated_in_correlation_only(self) -> None:
        assert correlate([1j], [1j]).tolist() == [1 + 0j]
        assert convolve([1j], [1j]).tolist() == [-1 + 0j]


class TestAgainstTheFormula:
    @pytest.mark.parametrize("boundary", BOUNDARIES)
    @pytest.mark.parametrize("mode", ["full", "same"])
    @pytest.mark.parametrize(("n", "k"), SIZES)
    def test_signals_with_every_boundary(self, n: int, k: int, mode: Any, boundary: Any) -> None:
        x, w = numbers(n), numbers(k, seed=1)
        expected = reference.convolve(x, w, mode, boundary)
        y = convolve(x, w, mode, boundary)
        assert y.shape == expected.shape
        assert abs(y - expected).max() <= tolerance(x, w)
        flipped = correlate(x, w[::-1], mode, boundary)
        assert abs(flipped - expected).max() <= tolerance(x, w)

    @pytest.mark.parametrize("boundary", BOUNDARIES)
    @pytest.mark.parametrize("kernel", [(3, 3), (2, 4), (1, 5), (7, 6)])
    def test_images_with_every_boundary(self, kernel: tuple[int, int], boundary: Any) -> None:
        x, w = numbers(5, 6), numbers(*kernel, seed=1)
        expected = reference.convolve(x, w, "same", boundary)
        assert abs(convolve(x, w, "same", boundary) - expected).max() <= tolerance(x, w)

    @pytest.mark.parametrize("mode", MODES)
    def test_volumes(self, mode: Any) -> None:
        x, w = numbers(4, 5, 3), numbers(2, 3, 3, seed=1)
        expected = reference.convolve(x, w, mode)
        assert abs(convolve(x, w, mode) - expected).max() <= tolerance(x, w)


class TestAgainstOthers:
    @pytest.mark.parametrize("mode", MODES)
    @pytest.mark.parametrize(("n", "k"), [(9, 3), (9, 4), (8, 3), (8, 8)])
    def test_numpy_for_signals(self, n: int, k: int, mode: Any) -> None:
        x = numbers(n) + 1j * numbers(n, seed=2)
        w = numbers(k, seed=1) + 1j * numbers(k, seed=3)
        for ours, theirs in ((convolve, np.convolve), (correlate, np.correlate)):
            assert abs(ours(x, w, mode) - theirs(x, w, mode)).max() <= tolerance(x, w)

    @pytest.mark.parametrize("mode", MODES)
    @pytest.mark.parametrize("kernel", [(3, 3), (4, 3), (2, 6)])
    def test_scipy_signal_for_images(self, kernel: tuple[int, int], mode: Any) -> None:
        x, w = numbers(7, 8), numbers(*kernel, seed=1)
        for ours, theirs in (
            (convolve, scipy.signal.convolve),
            (correlate, scipy.signal.correlate),
        ):
            assert abs(ours(x, w, mode) - theirs(x, w, mode)).max() <= tolerance(x, w)

    @pytest.mark.parametrize("boundary", BOUNDARIES)
    @pytest.mark.parametrize("kernel", [(3, 5), (4, 2), (9, 11)])
    def test_ndimage_for_images(self, kernel: tuple[int, int], boundary: Any) -> None:
        x, w = numbers(6, 7), numbers(*kernel, seed=1)
        expected = scipy.ndimage.correlate(x, w, mode=NDIMAGE[boundary])
        assert abs(correlate(x, w, "same", boundary) - expected).max() <= tolerance(x, w)

    def test_same_keeps_the_inputs_length_under_a_longer_kernel_as_scipy_does(self) -> None:
        x, w = numbers(3), numbers(8, seed=1)
        expected = scipy.signal.convolve(x, w, "same")
        assert abs(convolve(x, w, "same") - expected).max() <= tolerance(x, w)
        assert len(np.convolve(x, w, "same")) == 8  # NumPy swaps them: not ours


class TestAxes:
    def test_axes_in_front_are_a_batch(self) -> None:
        x, w = numbers(2, 3, 6, 5), numbers(3, 2, seed=1)
        y = convolve(x, w)
        assert y.shape == (2, 3, 8, 6)
        for i, j in itertools.product(range(2), range(3)):
            assert abs(y[i, j] - convolve(x[i, j], w)).max() <= tolerance(x, w)

    def test_axes_says_where_the_kernel_goes(self) -> None:
        x, w = numbers(4, 6, 5), numbers(3, 2, seed=1)
        expected = np.moveaxis(convolve(np.moveaxis(x, (2, 0), (1, 2)), w), (1, 2), (2, 0))
        assert np.array_equal(convolve(x, w, axes=(2, 0)), expected)
        assert np.array_equal(convolve(x, w[0], axes=1), convolve(x, w[0], axes=[-2]))

    def test_an_empty_batch_gives_an_empty_batch(self) -> None:
        for method in ("auto", "direct", "fft", "separable"):
            assert convolve(np.zeros((0, 5)), [1.0, 2.0], method=method).shape == (0, 6)
            assert convolve(torch.zeros(0, 5), [1.0, 2.0], method=method).shape == (0, 6)

    def test_views_with_any_strides_are_read_right(self) -> None:
        x = numbers(8, 10)
        for view in (x.T, x[::-1, ::2], np.broadcast_to(x[0], (4, 10))):
            w = numbers(3, 3, seed=1)
            expected = scipy.signal.convolve(view, w)
            assert abs(convolve(view, w) - expected).max() <= tolerance(x, w)

    def test_the_input_is_left_alone_and_the_result_is_its_own(self) -> None:
        x = numbers(6)
        before = x.copy()
        y = convolve(x, [1.0], mode="same")
        y += 1
        assert np.array_equal(x, before)
        assert y.flags.c_contiguous


class TestTypes:
    @pytest.mark.parametrize(
        ("x", "w", "result"),
        [
            ("float32", "float32", "float32"),
            ("float32", "float64", "float64"),
            ("float16", "float16", "float16"),
            ("complex64", "float32", "complex64"),
            ("int32", "float64", "float64"),
            ("uint8", "uint8", "int64"),
            ("bool", "bool", "int64"),
            ("uint32", "int8", "int64"),
        ],
    )
    def test_the_results_type(self, x: str, w: str, result: str) -> None:
        a, b = np.ones(9).astype(x), np.ones(3).astype(w)
        assert convolve(a, b).dtype == result
        assert convolve(a, b, mode="valid").tolist() == [3] * 7

    def test_small_integers_do_not_overflow(self) -> None:
        x = np.full((5, 5), 255, np.uint8)
        assert convolve(x, np.full((3, 3), 255, np.uint8), mode="valid").max() == 9 * 255 * 255

    def test_large_integers_are_exact(self) -> None:
        x = np.array([2**60, 1, -(2**60)])
        assert convolve(x, [1, 1, 1]).tolist() == [2**60, 2**60 + 1, 1, 1 - 2**60, -(2**60)]

    def test_half_precision_sums_in_single(self) -> None:
        # 2048 + 1 is not a half; summed in half precision the ones would all be lost.
        x = np.array([2048.0] + [1.0] * 16, np.float16)
        assert convolve(x, np.ones(17, np.float16), mode="valid").tolist() == [2064.0]

    @pytest.mark.parametrize("dtype", [np.float32, np.complex64])
    def test_single_precision_errs_by_a_few_of_its_own_eps(self, dtype: type) -> None:
        x, w = numbers(200, 30).astype(dtype), numbers(7, 7, seed=1).astype(dtype)
        exact = scipy.signal.convolve(x.astype(np.complex128), w.astype(np.complex128))
        for method in ("direct", "fft", "separable"):
            error = abs(convolve(x, w, method=method) - exact).max()
            assert error <= tolerance(x, w, eps=2.0**-23)


class TestTensors:
    @pytest.mark.parametrize("boundary", BOUNDARIES)
    @pytest.mark.parametrize("method", ["auto", "direct", "separable", "fft"])
    def test_tensors_give_numpys_numbers(self, method: Any, boundary: Any) -> None:
        x, w = numbers(2, 6, 7), numbers(4, 3, seed=1)
        expected = convolve(x, w, "same", boundary)
        y = convolve(torch.from_numpy(x), torch.from_numpy(w), "same", boundary, method)
        assert y.dtype == torch.float64
        assert abs(y.numpy() - expected).max() <= 2 * tolerance(x, w)

    @pytest.mark.parametrize("ndim", [1, 2, 3])
    @pytest.mark.parametrize("method", ["direct", "fft"])
    def test_gradients_of_both(self, method: Any, ndim: int) -> None:
        torch.manual_seed(0)
        x = torch.randn([3, 4, 3][:ndim], dtype=torch.float64, requires_grad=True)
        w = torch.randn([2, 2, 3][:ndim], dtype=torch.float64, requires_grad=True)
        for slide in (convolve, correlate):
            assert torch.autograd.gradcheck(
                lambda a, b, slide=slide: slide(a, b, "same", "reflect", method), (x, w)
            )

    def test_gradient_of_the_input_through_separable_passes(self) -> None:
        x = torch.randn(5, 4, dtype=torch.float64, requires_grad=True)
        w = np.outer([1.0, 2.0, 1.0], [-1.0, 0.0, 1.0])
        assert torch.autograd.gradcheck(lambda a: convolve(a, w, method="separable"), (x,))

    def test_gradients_of_complex_numbers(self) -> None:
        x = torch.randn(5, dtype=torch.complex128, requires_grad=True)
        w = torch.randn(3, dtype=torch.complex128, requires_grad=True)
        assert torch.autograd.gradcheck(correlate, (x, w))

    def test_an_array_beside_a_tensor_follows_its_type(self) -> None:
        kernel = np.array([0.25, 0.5, 0.25])
        assert convolve(torch.ones(5), kernel).dtype == torch.float32
        assert convolve(kernel, torch.ones(2, dtype=torch.bfloat16)).dtype == torch.bfloat16
        assert convolve(torch.ones(5, dtype=torch.uint8), kernel).dtype == torch.float64
        assert convolve(torch.ones(5, dtype=torch.uint8), [1, 2]).dtype == torch.int64
        assert convolve(torch.ones(5), kernel * 1j).is_complex()

    def test_a_parameter_and_a_read_only_array_are_welcome(self) -> None:
        kernel = np.ones(3)
        kernel.flags.writeable = False
        assert convolve(torch.nn.Parameter(torch.ones(4)), kernel).requires_grad

    def test_half_tensors_sum_in_single(self) -> None:
        x = torch.tensor([2048.0] + [1.0] * 16, dtype=torch.float16)
        y = convolve(x, torch.ones(17, dtype=torch.float16), mode="valid")
        assert y.dtype == torch.float16
        assert y.item() == 2064.0

    def test_arrays_do_not_bring_torch_in(self) -> None:
        code = (
            "import striate, sys; striate.convolve([1.0, 2.0], [1.0]); striate.filters.box(3); "
            "sys.exit('torch' in sys.modules or 'scipy' in sys.modules)"
        )
        subprocess.run([sys.executable, "-c", code], check=True)

    def test_the_package_offers_both(self) -> None:
        assert striate.convolve is convolve
        assert striate.correlate is correlate

    @pytest.mark.gpu
    @pytest.mark.parametrize("method", ["auto", "direct", "separable", "fft"])
    def test_cuda_gives_the_same(self, method: Any) -> None:
        x, w = numbers(2, 40, 30), numbers(5, 5, seed=1)
        y = convolve(torch.from_numpy(x).cuda(), w, "same", "reflect", method)
        assert y.is_cuda
        assert abs(y.cpu().numpy() - convolve(x, w, "same", "reflect")).max() <= 2 * tolerance(x, w)


class TestErrors:
    def test_valid_refuses_a_longer_kernel_and_offers_the_swap(self) -> None:
        with pytest.raises(ShapeError, match=r"kernel \(5,\) does not fit in input \(3,\).*swap"):
            convolve([1, 2, 3], [1, 1, 1, 1, 1], mode="valid")
        # What it offers is what numpy.convolve does.
        swapped = convolve([1, 1, 1, 1, 1], [1, 2, 3], mode="valid")
        assert swapped.tolist() == np.convolve([1, 2, 3], [1] * 5, "valid").tolist()

    @pytest.mark.parametrize(
        ("input", "kernel", "said"),
        [
            ([], [1], r"convolve: input has no pixels .* \(0,\)"),
            ([1], [], r"kernel has no pixels"),
            (np.zeros((3, 0)), [1], r"input has no pixels"),
            ([1, 2], [[1, 2]], r"input \(2,\) has fewer axes than kernel \(1, 2\).*1 axis"),
            (1.0, [1.0], r"input \(\) has fewer axes"),
            ([1], 2, r"kernel \(\) has 0 axes; it must have 1, 2 or 3"),
            (np.ones((1,) * 4), np.ones((1,) * 4), r"kernel .* has 4 axes"),
        ],
    )
    def test_shapes_that_cannot_be(self, input: Any, kernel: Any, said: str) -> None:
        with pytest.raises(ShapeError, match=said):
            convolve(input, kernel)

    @pytest.mark.parametrize(
        ("options", "said"),
        [
            ({"mode": "circular"}, "convolve: mode='circular' is not known. Use one of full, same"),
            ({"boundary": "wrap"}, "boundary='wrap' is not known; here it is called 'circular'"),
            ({"boundary": "odd"}, "boundary='odd' is not known. Use one of zeros"),
            ({"mode": "valid", "boundary": "reflect"}, "has no effect with mode='valid'"),
            ({"method": "winograd"}, "method='winograd' is not known"),
            ({"axes": 3}, "axes=3 must be whole numbers from -1 to 0"),
            ({"axes": 0.5}, "axes=0.5 must be whole numbers"),
            ({"axes": (0, 0)}, "must name 1 different axes"),
        ],
    )
    def test_options_that_are_not(self, options: dict[str, Any], said: str) -> None:
        with pytest.raises(OptionError, match=said):
            convolve([1.0, 2.0, 3.0], [1.0], **options)

    @pytest.mark.parametrize(
        "value",
        [
            np.array([1, "a"], object),
            np.array(["a"]),
            np.ones(3, np.longdouble),
            np.ones(3, np.uint64),
            np.array(["2020-01-01"], "datetime64[D]"),
            [[1, 2], [3]],
        ],
    )
    def test_types_that_are_no_numbers(self, value: Any) -> None:
        with pytest.raises(OptionError, match="correlate: kernel "):
            correlate([1.0, 2.0], value)

    def test_a_masked_array_is_refused_for_what_it_hides(self) -> None:
        with pytest.raises(OptionError, match="input is a masked array"):
            convolve(np.ma.masked_array([1.0, 2.0], [False, True]), [1.0])

    def test_whole_numbers_are_not_rounded(self) -> None:
        for method in ("fft", "separable"):
            for x in ([1, 2], torch.tensor([1, 2])):
                with pytest.raises(OptionError, match="would not be exact"):
                    convolve(x, [1], method=method)

    def test_separable_has_no_gradient_for_the_kernel(self) -> None:
        with pytest.raises(OptionError, match=r"kernel\.detach\(\)"):
            convolve(torch.ones(3), torch.ones(2, requires_grad=True), method="separable")

    def test_sparse_tensors_are_refused(self) -> None:
        with pytest.raises(OptionError, match="to_dense"):
            convolve(torch.eye(3).to_sparse(), [[1.0]])
