// Winograd's F(6,3): see winograd.hpp.
#include "conv/kernels/winograd.hpp"

namespace striate::STRIATE_TARGET {

using Row = Winograd<6, 3>;
extern const Kernel<ConvShape> conv_winograd6;
const Kernel<ConvShape> conv_winograd6 = {"winograd6", Row::fits, Row::needs, Row::pack, Row::run};

}  // namespace striate::STRIATE_TARGET
