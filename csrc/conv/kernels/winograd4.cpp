// Winograd's F(4,3), with transformed weights (winograd.hpp) and plain ones.
#include "conv/kernels/winograd_streamed.hpp"

namespace striate::STRIATE_TARGET {

using Row = Winograd<4, 3>;
extern const Kernel<ConvShape> conv_winograd4;
const Kernel<ConvShape> conv_winograd4 = {"winograd4", Row::fits, Row::needs, Row::pack, Row::run};

using Streamed = StreamedWinograd<4, 3>;
extern const Kernel<ConvShape> conv_winograd4_streamed;
const Kernel<ConvShape> conv_winograd4_streamed = {"winograd4_streamed", Streamed::fits,
                                                   Streamed::needs, Streamed::pack, Streamed::run};

}  // namespace striate::STRIATE_TARGET
