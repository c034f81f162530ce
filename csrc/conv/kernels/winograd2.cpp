// Winograd's F(2,3): see winograd.hpp.
#include "conv/kernels/winograd.hpp"

namespace striate::STRIATE_TARGET {

using Row = Winograd<2, 3>;
extern const Kernel<ConvShape> conv_winograd2;
const Kernel<ConvShape> conv_winograd2 = {"winograd2", Row::fits, Row::needs, Row::pack, Row::run};

}  // namespace striate::STRIATE_TARGET
