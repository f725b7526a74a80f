/* HTTP/1 through the whole proxy, a client and back ends that say anything, in any pieces, at any
 * time. What reaches a back end is a row of well-formed requests, each one that the client sent,
 * with its method, its target and its body; what reaches the client is a row of well-formed answers
 * with the bodies that back ends sent; with both sides open nobody is left waiting; all ends in
 * time, and all memory comes back. The model by which that is judged: through1_model_test.h.
 *
 * The input is a script of through1_script_test.h. */
#include "proxy/through1_script_test.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct model m;
	if (size >= 2 && size <= SCRIPT_MAX)
		script_run(&m, span_of(data, size));
	return 0;
}
