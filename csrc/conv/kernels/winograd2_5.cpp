// Winograd's F(2,5): see winograd.hpp.
#include "conv/kernels/winograd.hpp"

namespace striate::STRIATE_TARGET {

using Row = Winograd<2, 5>;
extern const Kernel<ConvShape> conv_winograd2_5;
const Kernel<ConvShape> conv_winograd2_5 = {"winograd2_5", Row::fits, Row::needs, Row::pack,
                                            Row::run};

}  // namespace striate::STRIATE_TARGET
