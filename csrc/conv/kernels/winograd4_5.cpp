// Winograd's F(4,5): see winograd.hpp.
#include "conv/kernels/winograd.hpp"

namespace striate::STRIATE_TARGET {

using Row = Winograd<4, 5>;
extern const Kernel<ConvShape> conv_winograd4_5;
const Kernel<ConvShape> conv_winograd4_5 = {"winograd4_5", Row::fits, Row::needs, Row::pack,
                                            Row::run};

}  // namespace striate::STRIATE_TARGET
