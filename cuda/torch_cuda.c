// Stands in for libtorch_cuda.so when libtorchfits_cuda.so is linked, so that it links beside a torch without CUDA and
// still records that it needs libtorch_cuda.so: Python loads torch's libraries each in a scope of its own, and a symbol
// that is merely left open would not be found there. The real library takes this one's place at run time.
void aoti_torch_get_current_cuda_stream(void) {}
