/* Embeds the file OBJECT as the bytes from the symbol BEGIN to the symbol END, aligned to 8. */
	.section .rodata
	.balign 8
	.globl BEGIN
	.globl END
BEGIN:
	.incbin OBJECT
END:
	.byte 0
	.section .note.GNU-stack, "", %progbits
