// Winograd's F(2,3), with transformed weights (winograd.hpp) and plain ones.
#include "conv/kernels/winograd_streamed.hpp"

namespace striate::STRIATE_TARGET {

using Row = Winograd<2, 3>;
extern const Kernel<ConvShape> conv_winograd2;
const Kernel<ConvShape> conv_winograd2 = {"winograd2", Row::fits, Row::needs, Row::pack, Row::run};

using Streamed = StreamedWinograd<2, 3>;
extern const Kernel<ConvShape> conv_winograd2_streamed;
const Kernel<ConvShape> conv_winograd2_streamed = {"winograd2_streamed", Streamed::fits,
                                                   Streamed::needs, Streamed::pack, Streamed::run};

}  // namespace striate::STRIATE_TARGET
