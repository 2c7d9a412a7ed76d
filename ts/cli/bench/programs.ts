/**
 * Inputs of NPBench's programs, for machines without Python, and sizes that are small enough to check a gradient element by element.
 * An array is `NAME=dtype[sizes]`: floats are uniform in [0, 1); `<n` limits integers; `!kind` gives an array the structure that its program needs.
 */
import type { Sizes } from "./checkout.js";

export interface KnownInputs {
  readonly arrays: string;
  /** Arguments that are numbers and no sizes; they may be sizes of arrays too. */
  readonly numbers?: (p: Sizes) => Sizes;
  readonly tiny?: Sizes;
}
const alpha = { alpha: 1.5, beta: 1.2 };
const flow = ({ nx = 2, ny = 2 }: Sizes): Sizes => ({ dx: 2 / (nx - 1), dy: 2 / (ny - 1), dt: 0.1 / ((nx - 1) * (ny - 1)) });
const columns = ({ N = 0 }: Sizes): Sizes => ({ float_n: N });

export const KNOWN: Readonly<Record<string, KnownInputs>> = {
  adi: { arrays: "u=f64[N,N]", tiny: { TSTEPS: 3, N: 7 } },
  arc_distance: { arrays: "theta_1=f64[N] phi_1=f64[N] theta_2=f64[N] phi_2=f64[N]" },
  atax: { arrays: "x=f64[N] A=f64[M,N]" },
  azimint_hist: { arrays: "data=f64[N] radius=f64[N]", tiny: { N: 30, npt: 4 } },
  azimint_naive: { arrays: "data=f64[N] radius=f64[N]", tiny: { N: 30, npt: 4 } },
  bicg: { arrays: "A=f64[N,M] p=f64[M] r=f64[N]" },
  cavity_flow: { arrays: "u=f64[ny,nx] v=f64[ny,nx] p=f64[ny,nx]", numbers: flow, tiny: { nx: 6, ny: 7, nt: 4, nit: 3 } },
  channel_flow: { arrays: "u=f64[ny,nx] v=f64[ny,nx] p=f64[ny,nx]", numbers: flow, tiny: { nx: 6, ny: 5, nit: 3 } },
  cholesky: { arrays: "A=f64[N,N]!definite", tiny: { N: 8 } },
  cholesky2: { arrays: "A=f64[N,N]!definite", tiny: { N: 8 } },
  compute: { arrays: "array_1=i64[M,N]<1000 array_2=i64[M,N]<1000", numbers: () => ({ a: 4, b: 3, c: 9 }) },
  contour_integral: { arrays: "Ham=c128[slab_per_bc+1,NR,NR] int_pts=c128[num_int_pts] Y=c128[NR,NM]", tiny: { NR: 4, NM: 3, slab_per_bc: 2, num_int_pts: 3 } },
  conv2d_bias: { arrays: "input=f32[N,H,W,C_in] weights=f32[K,K,C_in,C_out] bias=f32[C_out]", tiny: { N: 2, C_in: 2, C_out: 3, K: 2, H: 5, W: 4 } },
  correlation: { arrays: "data=f64[N,M]", numbers: columns, tiny: { M: 5, N: 7 } },
  covariance: { arrays: "data=f64[N,M]", numbers: columns, tiny: { M: 5, N: 7 } },
  covariance2: { arrays: "data=f64[N,M]", numbers: columns, tiny: { M: 5, N: 7 } },
  crc16: { arrays: "data=u8[N]<256" },
  deriche: { arrays: "imgIn=f64[W,H]", numbers: () => ({ alpha: 0.25 }), tiny: { W: 7, H: 6 } },
  doitgen: { arrays: "A=f64[NR,NQ,NP] C4=f64[NP,NP]", tiny: { NR: 4, NQ: 5, NP: 6 } },
  durbin: { arrays: "r=f64[N]!small", tiny: { N: 20 } },
  fdtd_2d: { arrays: "ex=f64[NX,NY] ey=f64[NX,NY] hz=f64[NX,NY] _fict_=f64[TMAX]", tiny: { TMAX: 5, NX: 6, NY: 7 } },
  floyd_warshall: { arrays: "path=i32[N,N]<1000", tiny: { N: 7 } },
  gemm: { arrays: "C=f64[NI,NJ] A=f64[NI,NK] B=f64[NK,NJ]", numbers: () => alpha },
  gemver: { arrays: "A=f64[N,N] u1=f64[N] v1=f64[N] u2=f64[N] v2=f64[N] w=f64[N] x=f64[N] y=f64[N] z=f64[N]", numbers: () => alpha },
  gesummv: { arrays: "A=f64[N,N] B=f64[N,N] x=f64[N]", numbers: () => alpha },
  go_fast: { arrays: "a=f64[N,N]" },
  gramschmidt: { arrays: "A=f64[M,N]", tiny: { M: 6, N: 4 } },
  hdiff: { arrays: "in_field=f64[I+4,J+4,K] out_field=f64[I,J,K] coeff=f64[I,J,K]", tiny: { I: 4, J: 5, K: 3 } },
  heat_3d: { arrays: "A=f64[N,N,N] B=f64[N,N,N]", tiny: { TSTEPS: 4, N: 5 } },
  jacobi_1d: { arrays: "A=f64[N] B=f64[N]", tiny: { TSTEPS: 4, N: 9 } },
  jacobi_2d: { arrays: "A=f64[N,N] B=f64[N,N]", tiny: { TSTEPS: 4, N: 7 } },
  k2mm: { arrays: "A=f64[NI,NK] B=f64[NK,NJ] C=f64[NJ,NL] D=f64[NI,NL]", numbers: () => alpha },
  k3mm: { arrays: "A=f64[NI,NK] B=f64[NK,NJ] C=f64[NJ,NM] D=f64[NM,NL]" },
  lenet: {
    arrays: "input=f32[N,H,W,1] conv1=f32[5,5,1,6] conv1bias=f32[6] conv2=f32[5,5,6,16] conv2bias=f32[16] fc1w=f32[C_before_fc1,120] fc1b=f32[120] fc2w=f32[120,84] fc2b=f32[84] fc3w=f32[84,10] fc3b=f32[10]",
    numbers: ({ H = 0, W = 0 }) => ({ C_before_fc1: 16 * Math.floor((Math.floor((H - 4) / 2) - 4) / 2) * Math.floor((Math.floor((W - 4) / 2) - 4) / 2) }), tiny: { N: 1, H: 16, W: 18 },
  },
  lu: { arrays: "A=f64[N,N]!definite", tiny: { N: 8 } },
  ludcmp: { arrays: "A=f64[N,N]!definite b=f64[N]", tiny: { N: 8 } },
  mandelbrot1: { arrays: "", tiny: { XN: 7, YN: 6, maxiter: 6 } },
  mandelbrot2: { arrays: "", tiny: { XN: 7, YN: 6, maxiter: 6 } },
  mlp: { arrays: "input=f32[N,C_in] w1=f32[C_in,S0] b1=f32[S0] w2=f32[S0,S1] b2=f32[S1] w3=f32[S1,S2] b3=f32[S2]", tiny: { C_in: 3, N: 2, S0: 4, S1: 5, S2: 6 } },
  mvt: { arrays: "x1=f64[N] x2=f64[N] y_1=f64[N] y_2=f64[N] A=f64[N,N]" },
  nbody: { arrays: "mass=f64[N,1] pos=f64[N,3] vel=f64[N,3]", numbers: ({ tEnd = 0, dt = 1 }) => ({ Nt: Math.ceil(tEnd / dt) }), tiny: { N: 4, tEnd: 0.15 } },
  nussinov: { arrays: "seq=i32[N]<4" },
  resnet: { arrays: "input=f32[N,H,W,C1] conv1=f32[1,1,C1,C2] conv2=f32[3,3,C2,C2] conv3=f32[1,1,C2,C1]", tiny: { N: 2, W: 4, H: 5, C1: 3, C2: 2 } },
  scattering_self_energies: {
    arrays: "neigh_idx=i32[NA,NB]<NA dH=c128[NA,NB,N3D,Norb,Norb] G=c128[Nkz,NE,NA,Norb,Norb] D=c128[Nqz,Nw,NA,NB,N3D,N3D] Sigma=c128[Nkz,NE,NA,Norb,Norb]",
    tiny: { Nkz: 2, NE: 2, Nqz: 2, Nw: 2, N3D: 2, NA: 3, NB: 2, Norb: 2 },
  },
  seidel_2d: { arrays: "A=f64[N,N]", tiny: { TSTEPS: 4, N: 7 } },
  softmax: { arrays: "x=f32[N,H,SM,SM]", tiny: { N: 2, H: 3, SM: 4 } },
  spmv: { arrays: "A_row=u32[M+1]!rows A_col=u32[nnz]<N A_val=f64[nnz] x=f64[N]", tiny: { M: 8, N: 7, nnz: 20 } },
  stockham_fft: { arrays: "x=c128[N] y=c128[N]", numbers: ({ R = 1, K = 0 }) => ({ N: R ** K }), tiny: { R: 2, K: 3 } },
  symm: { arrays: "C=f64[M,N] A=f64[M,M] B=f64[M,N]", numbers: () => alpha },
  syr2k: { arrays: "C=f64[N,N] A=f64[N,M] B=f64[N,M]", numbers: () => alpha },
  syrk: { arrays: "C=f64[N,N] A=f64[N,M]", numbers: () => alpha },
  trisolv: { arrays: "L=f64[N,N]!definite x=f64[N] b=f64[N]", tiny: { N: 8 } },
  trmm: { arrays: "A=f64[M,M] B=f64[M,N]", numbers: () => alpha },
  vadv: { arrays: "utens_stage=f64[I,J,K] u_stage=f64[I,J,K] wcon=f64[I+1,J,K] u_pos=f64[I,J,K] utens=f64[I,J,K]", numbers: () => ({ dtr_stage: 0.15 }), tiny: { I: 3, J: 4, K: 10 } },
};

/** Sizes for checking gradients: those above, else every large number becomes a small one, different names different ones. */
export function tinySizes(name: string, sizes: Sizes): Sizes {
  const known = KNOWN[name]?.tiny ?? {};
  return Object.fromEntries(Object.entries(sizes).map(([k, v], i) => [k, known[k] ?? (Number.isInteger(v) ? Math.min(v, 5 + (i % 4)) : v)]));
}
