// Bands: the places of gy that are taken at a time, so that they stay in the caches while all that
// is summed over them is.
//
//   a band is some images, or some rows of one image (counted through its planes), or a part of
//   each of these rows where they are long
#pragma once

#include "conv_weight/kernels/tile.hpp"
#include "conv_weight/shape.hpp"

namespace striate::STRIATE_TARGET {

// Places of a band: three vectors of gy take 19 KiB of L1; 14x14 maps are one.
constexpr int64_t kBandPlaces = 200;

// A pointwise convolution of stride 1 knows no rows: all pixels are one.
STRIATE_INLINE ConvWeightShape flattened(const ConvWeightShape& s) {
  ConvWeightShape flat = s;
  for (int i = 0; i < 3; ++i) {
    if (s.kernel[i] != 1 || s.stride[i] != 1 || s.padding[i] != 0 || s.in[i] != s.out[i]) return s;
  }
  for (int i = 0; i < 2; ++i) flat.in[i] = flat.out[i] = 1;
  flat.in[2] = flat.out[2] = s.in_pixels();
  return flat;
}

struct Bands {
  int64_t image_parts, row_parts, column_parts;
  int64_t count() const { return image_parts * row_parts * column_parts; }
};

struct Band {
  int64_t first_image, stop_image, first_row, stop_row, first_column, stop_column;
};

// `planes` of rows lie one behind the other.
STRIATE_INLINE Bands cut_bands(const ConvWeightShape& s, int64_t planes) {
  const int64_t rows = planes * s.out[1];
  Bands b;
  b.column_parts = ceil_div(s.out[2], kBandPlaces);
  const int64_t columns = ceil_div(s.out[2], b.column_parts);
  b.row_parts = ceil_div(rows, least(rows, kBandPlaces / columns));
  const bool whole = b.column_parts * b.row_parts == 1;
  const int64_t images = whole ? most(1, kBandPlaces / (rows * columns)) : 1;
  b.image_parts = ceil_div(s.batch, images);
  return b;
}

STRIATE_INLINE Band band_of(const ConvWeightShape& s, const Bands& b, int64_t planes, int64_t i) {
  const int64_t column = i % b.column_parts, row = i / b.column_parts % b.row_parts;
  const int64_t image = i / b.column_parts / b.row_parts, rows = planes * s.out[1];
  return {cut(s.batch, b.image_parts, image),    cut(s.batch, b.image_parts, image + 1),
          cut(rows, b.row_parts, row),           cut(rows, b.row_parts, row + 1),
          cut(s.out[2], b.column_parts, column), cut(s.out[2], b.column_parts, column + 1)};
}

}  // namespace striate::STRIATE_TARGET
