/** Makes what is missing in `folder`; answers the names of the files that were made. */
export declare function makeSecrets(folder?: string): Promise<readonly string[]>
