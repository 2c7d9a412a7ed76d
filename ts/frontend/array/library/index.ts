/** Importing this registers every library function, method and attribute. */
export {};
