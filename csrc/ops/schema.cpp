// The table of contents: every operator of namespace `fits`, one line each. What they mean is in docs/operators.md,
// generated from these lines and from the docstrings in torchfits/ops.
//
// Eager calls take the first overload whose arguments convert. A `str` converts to `str[]` letter by letter, and a
// tensor tried as `str[]` is taken apart into one tensor for each of its bytes before that fails (4.6 s for a
// megabyte): the `str` form stands first, then .bytes, .packed, and last the lists of paths. Sizes are SymInt so that
// export keeps them dynamic.
#include "ops/tensor.h"

STABLE_TORCH_LIBRARY(fits, m) {
  // Files and headers
  m.def("read_file(str path) -> Tensor");
  m.def("read_file.utf8(Tensor path) -> Tensor");
  m.def("header(str path, int hdu=0, *, bool stored=False) -> str");
  m.def("header.bytes(Tensor data, int hdu=0, *, bool stored=False) -> str");
  m.def("headers(str[] paths, int hdu=0, *, bool stored=False) -> str[]");
  m.def("header_text(str path, int hdu=0, *, bool stored=False) -> Tensor");
  m.def("header_text.bytes(Tensor data, int hdu=0, *, bool stored=False) -> Tensor");
  m.def(
      "header_texts.packed(Tensor data, Tensor offsets, int hdu=0, *, bool stored=False) -> "
      "(Tensor text, Tensor offsets)");
  m.def("header_texts(str[] paths, int hdu=0, *, bool stored=False) -> (Tensor text, Tensor offsets)");
  m.def("cards.packed(Tensor text, Tensor offsets) -> (Tensor pickles, Tensor offsets)");
  m.def("cards(str[] headers) -> (Tensor pickles, Tensor offsets)");
  m.def("header_values(str path, int hdu, str[] keys) -> Tensor");
  m.def("header_values.bytes(Tensor data, int hdu, str[] keys) -> Tensor");
  m.def("header_values.packed(Tensor data, Tensor offsets, int hdu, str[] keys) -> Tensor");
  m.def("header_values.paths(str[] paths, int hdu, str[] keys) -> Tensor");
  m.def("header_values_status.packed(Tensor data, Tensor offsets, int hdu, str[] keys) -> (Tensor, Tensor)");
  m.def("header_values_status.paths(str[] paths, int hdu, str[] keys) -> (Tensor, Tensor)");
  m.def("hdus(str path) -> Tensor");
  m.def("hdus.bytes(Tensor data) -> Tensor");
  m.def("hdu_names(str path) -> Tensor");
  m.def("hdu_names.bytes(Tensor data) -> Tensor");

  // Images
  m.def(
      "read_image(str path, int hdu=0, *, ScalarType? dtype=None, bool scaled=True, int? naxis=None, "
      "ScalarType? expected_dtype=None) -> Tensor");
  m.def(
      "read_image.bytes(Tensor data, int hdu=0, *, ScalarType? dtype=None, bool scaled=True, int? naxis=None) -> "
      "Tensor");
  m.def(
      "read_section(str path, int hdu, SymInt[] start, SymInt[] size, *, ScalarType? dtype=None, bool scaled=True, "
      "ScalarType? expected_dtype=None) -> Tensor");
  m.def(
      "read_section.bytes(Tensor data, int hdu, SymInt[] start, SymInt[] size, *, ScalarType? dtype=None, "
      "bool scaled=True) -> Tensor");
  m.def(
      "read_images.packed(Tensor data, Tensor offsets, int[] hdus, SymInt[] shape, *, float? fill=None, "
      "ScalarType? dtype=None, bool centered=False, bool strict=True) -> "
      "(Tensor images, Tensor extents, Tensor status)");
  m.def(
      "read_images(str[] paths, int[] hdus, SymInt[] shape, *, float? fill=None, ScalarType? dtype=None, "
      "bool centered=False, bool strict=True) -> (Tensor images, Tensor extents, Tensor status)");
  m.def(
      "read_images_ragged.packed(Tensor data, Tensor offsets, int[] hdus, int naxis, *, ScalarType? dtype=None, "
      "bool strict=True) -> (Tensor values, Tensor offsets, Tensor shapes, Tensor status)");
  m.def(
      "read_images_ragged(str[] paths, int[] hdus, int naxis, *, ScalarType? dtype=None, bool strict=True) -> "
      "(Tensor values, Tensor offsets, Tensor shapes, Tensor status)");

  // Cutouts. Before .bytes stands .packed: tried as `int[] hdus`, offsets would be taken apart too.
  m.def(
      "read_cutouts(str path, int[] hdus, Tensor corners, SymInt[] size, *, float? fill=None, "
      "ScalarType? dtype=None) -> Tensor");
  m.def(
      "read_cutouts.packed(Tensor data, Tensor offsets, Tensor index, int[] hdus, Tensor corners, SymInt[] size, *, "
      "float? fill=None, ScalarType? dtype=None) -> Tensor");
  m.def(
      "read_cutouts.bytes(Tensor data, int[] hdus, Tensor corners, SymInt[] size, *, float? fill=None, "
      "ScalarType? dtype=None) -> Tensor");
  m.def(
      "read_cutouts.paths(str[] paths, Tensor index, int[] hdus, Tensor corners, SymInt[] size, *, float? fill=None, "
      "ScalarType? dtype=None) -> Tensor");
  m.def(
      "read_cutouts_status.packed(Tensor data, Tensor offsets, Tensor index, int[] hdus, Tensor corners, "
      "SymInt[] size, *, float? fill=None, ScalarType? dtype=None) -> (Tensor cutouts, Tensor status)");
  m.def(
      "read_cutouts_status.paths(str[] paths, Tensor index, int[] hdus, Tensor corners, SymInt[] size, *, "
      "float? fill=None, ScalarType? dtype=None) -> (Tensor cutouts, Tensor status)");
  m.def(
      "read_cutouts_sky(str path, int[] hdus, Tensor sky, Tensor wcs, SymInt[] size, *, float? fill=None, "
      "ScalarType? dtype=None) -> Tensor");
  m.def(
      "read_cutouts_sky.packed(Tensor data, Tensor offsets, Tensor index, int[] hdus, Tensor sky, Tensor wcs, "
      "SymInt[] size, *, float? fill=None, ScalarType? dtype=None) -> Tensor");
  m.def(
      "read_cutouts_sky.bytes(Tensor data, int[] hdus, Tensor sky, Tensor wcs, SymInt[] size, *, float? fill=None, "
      "ScalarType? dtype=None) -> Tensor");
  m.def(
      "read_cutouts_sky.paths(str[] paths, Tensor index, int[] hdus, Tensor sky, Tensor wcs, SymInt[] size, *, "
      "float? fill=None, ScalarType? dtype=None) -> Tensor");

  // Tiles of compressed images
  m.def(
      "read_tiles(str path, int hdu, Tensor? tiles=None) -> "
      "(Tensor data, Tensor descriptors, Tensor quantisation)");
  m.def(
      "read_tiles.bytes(Tensor data, int hdu, Tensor? tiles=None) -> "
      "(Tensor data, Tensor descriptors, Tensor quantisation)");
  m.def(
      "decode_tiles(Tensor data, Tensor descriptors, Tensor quantisation, SymInt[] tile_shape, SymInt[] shape, "
      "int bitpix, str method, int zdither0, int[] params, *, SymInt[] start, SymInt[] size, float bscale=1, "
      "float bzero=0, int? blank=None, ScalarType dtype) -> Tensor");
  m.def(
      "decode_tiles_status(Tensor data, Tensor descriptors, Tensor quantisation, SymInt[] tile_shape, SymInt[] shape, "
      "int bitpix, str method, int zdither0, int[] params, *, SymInt[] start, SymInt[] size, float bscale=1, "
      "float bzero=0, int? blank=None, ScalarType dtype) -> (Tensor image, Tensor status)");
  m.def(
      "decompress_tiles(Tensor data, Tensor descriptors, SymInt[] tile_shape, SymInt[] shape, int bitpix, "
      "int[] params) -> Tensor");
  m.def(
      "dequantize(Tensor tiles, Tensor zscale, Tensor zzero, str method, int zdither0, Tensor tile_number, "
      "Tensor? zblank=None, *, ScalarType dtype) -> Tensor");
  m.def(
      "assemble_tiles(Tensor tiles, SymInt[] tile_shape, SymInt[] shape, *, SymInt[] start, SymInt[] size) -> Tensor");

  m.def(
      "compress_tiles(Tensor image, str codec, SymInt[] tile_shape, int[] params) -> "
      "(Tensor data, Tensor descriptors)");
  m.def(
      "quantize(Tensor image, SymInt[] tile_shape, float level, str method, int zdither0) -> "
      "(Tensor tiles, Tensor zscale, Tensor zzero)");

  // Tables
  m.def("read_row_bytes(str path, int hdu, SymInt start=0, SymInt? stop=None) -> Tensor");
  m.def("read_row_bytes.bytes(Tensor data, int hdu, SymInt start=0, SymInt? stop=None) -> Tensor");
  m.def("read_heap_bytes(str path, int hdu) -> Tensor");
  m.def("read_heap_bytes.bytes(Tensor data, int hdu) -> Tensor");
  m.def(
      "read_columns(str path, int hdu, str[] columns, SymInt start=0, SymInt? stop=None, *, str? expected=None) -> "
      "Tensor[]");
  m.def(
      "read_columns.bytes(Tensor data, int hdu, str[] columns, SymInt start=0, SymInt? stop=None, *, "
      "str? expected=None) -> Tensor[]");
  m.def(
      "read_null_mask(str path, int hdu, str[] columns, SymInt start=0, SymInt? stop=None, *, str? expected=None) -> "
      "Tensor[]");
  m.def(
      "read_null_mask.bytes(Tensor data, int hdu, str[] columns, SymInt start=0, SymInt? stop=None, *, "
      "str? expected=None) -> Tensor[]");
  m.def(
      "read_ragged(str path, int hdu, str column, SymInt start=0, SymInt? stop=None, *, str? expected=None) -> "
      "(Tensor values, Tensor offsets)");
  m.def(
      "read_ragged.bytes(Tensor data, int hdu, str column, SymInt start=0, SymInt? stop=None, *, "
      "str? expected=None) -> (Tensor values, Tensor offsets)");
  m.def("decode_columns(Tensor rows, str[] tforms, int[] columns, *, float[] tscal, float[] tzero) -> Tensor[]");
  m.def("read_rows(str path, int hdu, Tensor rows, str[] columns, *, str? expected=None) -> Tensor[]");
  m.def("read_rows.bytes(Tensor data, int hdu, Tensor rows, str[] columns, *, str? expected=None) -> Tensor[]");
  m.def("filter_rows(str path, int hdu, str expression, SymInt start=0, SymInt? stop=None) -> Tensor");
  m.def("filter_rows.bytes(Tensor data, int hdu, str expression, SymInt start=0, SymInt? stop=None) -> Tensor");

  // Stored and physical values
  m.def("unpack(Tensor data, int bitpix, SymInt[] shape) -> Tensor");
  // dtype=None is float32: AOTInductor (torch 2.13) cannot pass a ScalarType that equals its default.
  m.def("scale(Tensor raw, float bscale=1, float bzero=0, int? blank=None, *, ScalarType? dtype=None) -> Tensor");
  m.def("unscale(Tensor value, float bscale, float bzero, int? blank, int bitpix) -> Tensor");

  // World coordinates
  m.def("wcs_from_header(str header, str alt=\"\") -> Tensor");
  m.def("wcs_from_headers(str[] headers, str alt=\"\") -> Tensor");
  m.def("wcs_from_file(str path, int hdu=0, str alt=\"\") -> Tensor");
  m.def("wcs_from_file.bytes(Tensor data, int hdu=0, str alt=\"\") -> Tensor");
  m.def("wcs_from_files.packed(Tensor data, Tensor offsets, int hdu=0, str alt=\"\") -> Tensor");
  m.def("wcs_from_files(str[] paths, int hdu=0, str alt=\"\") -> Tensor");
  m.def("pixel_to_world(Tensor pixel, Tensor wcs) -> Tensor");
  m.def("world_to_pixel(Tensor world, Tensor wcs) -> Tensor");
  m.def("pixel_to_world_status(Tensor pixel, Tensor wcs) -> (Tensor world, Tensor status)");
  m.def("world_to_pixel_status(Tensor world, Tensor wcs) -> (Tensor pixel, Tensor status)");
  m.def("wcs_jacobian(Tensor pixel, Tensor wcs) -> Tensor");
  m.def("pixel_to_pixel(Tensor pixel, Tensor wcs_in, Tensor wcs_out) -> Tensor");
  m.def("wcs_footprint(Tensor wcs, SymInt[] shape, SymInt per_side=1) -> Tensor");
  m.def("wcs_crop(Tensor wcs, Tensor corners, SymInt[]? step=None) -> Tensor");
  m.def("wcs_to_header(Tensor wcs) -> str");
  m.def("wcs_header_text(Tensor wcs) -> Tensor");
  m.def("wcs_update(Tensor wcs) -> Tensor");
  m.def(
      "pixel_to_world_backward(Tensor grad, Tensor pixel, Tensor wcs, bool of_pixel=True, bool of_wcs=True) -> "
      "(Tensor pixel, Tensor wcs)");
  m.def(
      "pixel_to_world_double_backward(Tensor grad, Tensor pixel, Tensor wcs, Tensor pixel_step, Tensor wcs_step) -> "
      "(Tensor world, Tensor pixel, Tensor wcs)");
  m.def("wcs_tan(Tensor center, SymInt[] shape, float pixel_scale, Tensor? like=None) -> Tensor");
  m.def(
      "resample(Tensor image, Tensor wcs_in, Tensor wcs_out, SymInt[] shape, str method=\"bilinear\", *, "
      "float? fill=None) -> (Tensor image, Tensor weight)");
  m.def(
      "resample_backward(Tensor grad, Tensor wcs_in, Tensor wcs_out, SymInt[] shape, str method=\"bilinear\") -> "
      "Tensor");
}
