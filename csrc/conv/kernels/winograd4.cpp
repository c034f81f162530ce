// Winograd's F(4,3): see winograd.hpp.
#include "conv/kernels/winograd.hpp"

namespace striate::STRIATE_TARGET {

using Row = Winograd<4, 3>;
extern const Kernel<ConvShape> conv_winograd4;
const Kernel<ConvShape> conv_winograd4 = {"winograd4", Row::fits, Row::needs, Row::pack, Row::run};

}  // namespace striate::STRIATE_TARGET
