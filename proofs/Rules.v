(* Written by generate.py from fwp.rules: change the rules there, and write this file anew with `python proofs/generate.py`.
   Arguments are the sizes of axes, those of the state first, then the variables: the states, then in order of appearance.
   The rules of a system are called <system>_<state>, and all have the arguments of the whole system. *)
From Coq Require Import Reals.
From Fwp Require Import Tensor Primitives.
Open Scope R_scope.

(* dW/dt = β v kᵀ *)
Definition hebb (n_value n_key : nat) (W : matrix) (beta : R) (v : vector) (k : vector) : matrix :=
  fun value key => beta * v value * k key.

(* dW/dt = β v (k − Wᵀ v)ᵀ *)
Definition oja (n_value n_key : nat) (W : matrix) (beta : R) (v : vector) (k : vector) : matrix :=
  fun value key => beta * v value * (k key - sum n_value (fun value0 => v value0 * W value0 key)).

(* dW/dt = β (v − W k) kᵀ *)
Definition delta (n_value n_key : nat) (W : matrix) (beta : R) (v : vector) (k : vector) : matrix :=
  fun value key => beta * (v value - sum n_key (fun key0 => W value key0 * k key0)) * k key.

(* dW/dt = β tanh(v − W k) kᵀ *)
Definition tanh_delta (n_value n_key : nat) (W : matrix) (beta : R) (v : vector) (k : vector) : matrix :=
  fun value key => beta * tanh (v value - sum n_key (fun key0 => W value key0 * k key0)) * k key.

(* dW/dt = β v softmax(k − Wᵀ v)ᵀ *)
Definition softmax_oja (n_value n_key : nat) (W : matrix) (beta : R) (v : vector) (k : vector) : matrix :=
  fun value key => beta * v value * softmax n_key (fun key0 => k key0 - sum n_value (fun value0 => v value0
    * W value0 key0)) key.

(* dW/dt = β v kᵀ *)
Definition hebb_transposed (n_value n_key : nat) (W : matrix) (beta : R) (v : vector) (k : vector) : matrix :=
  fun value key => beta * v value * k key.

(* dW/dt = β v softmax(k − Wᵀ v)ᵀ *)
Definition softmax_oja_transposed (n_value n_key : nat) (W : matrix) (beta : R) (v : vector) (k : vector) : matrix :=
  fun value key => beta * v value * softmax n_key (fun key0 => k key0 - sum n_value (fun value0 => v value0
    * W value0 key0)) key.

(* dW/dt = β W k kᵀ *)
Definition classic_hebb (n_value n_key : nat) (W : matrix) (beta : R) (k : vector) : matrix :=
  fun value key => beta * sum n_key (fun key0 => W value key0 * k key0) * k key.

(* dW/dt = −β W k kᵀ *)
Definition anti_hebb (n_value n_key : nat) (W : matrix) (beta : R) (k : vector) : matrix :=
  fun value key => - (beta * sum n_key (fun key0 => W value key0 * k key0) * k key).

(* dw/dt = β wᵀ k (k − wᵀ k w) *)
Definition oja_neuron (n_key : nat) (w : vector) (beta : R) (k : vector) : vector :=
  fun key => beta * sum n_key (fun key0 => w key0 * k key0) * (k key - sum n_key (fun key0 => w key0 * k key0)
    * w key).

(* dW/dt = β W k (k − Wᵀ W k)ᵀ *)
Definition oja_subspace (n_value n_key : nat) (W : matrix) (beta : R) (k : vector) : matrix :=
  fun value key => beta * sum n_key (fun key0 => W value key0 * k key0) * (k key
    - sum n_value (fun value0 => sum n_key (fun key0 => W value0 key0 * k key0) * W value0 key)).

(* dW/dt = β (W k kᵀ − Σ_l L_il (W k)_i (W k)_l W_lj) *)
Definition sanger (n_value n_key : nat) (W : matrix) (beta : R) (k : vector) : matrix :=
  fun value key => beta * (sum n_key (fun key0 => W value key0 * k key0) * k key
    - sum n_value (fun value0 => tril value value0 * sum n_key (fun key0 => W value key0 * k key0)
    * sum n_key (fun key0 => W value0 key0 * k key0) * W value0 key)).

(* dW/dt = β (v − W k) kᵀ − γ W *)
Definition leaky_delta (n_value n_key : nat) (W : matrix) (beta : R) (v : vector) (k : vector) (gamma : R) : matrix :=
  fun value key => beta * (v value - sum n_key (fun key0 => W value key0 * k key0)) * k key - gamma * W value key.

(* dW/dt = β (v − W k) kᵀ − forget_j W_ij *)
Definition gated_delta (n_value n_key : nat) (W : matrix) (beta : R) (v : vector) (k : vector) (forget : vector)
    : matrix :=
  fun value key => beta * (v value - sum n_key (fun key0 => W value key0 * k key0)) * k key - forget key * W value key.

(* dW/dt = (write ⊙ v − W (erase ⊙ k)) kᵀ *)
Definition erase_write (n_value n_key : nat) (W : matrix) (write : vector) (v : vector) (erase : vector) (k : vector)
    : matrix :=
  fun value key => (write value * v value - sum n_key (fun key0 => W value key0 * erase key0 * k key0)) * k key.

(* dW/dt = β (v − v_mean) (k − k_mean)ᵀ *)
Definition covariance_W (n_value n_key : nat) (W : matrix) (k_mean : vector) (v_mean : vector) (beta : R) (v : vector)
    (k : vector) (gamma : R) : matrix :=
  fun value key => beta * (v value - v_mean value) * (k key - k_mean key).

(* dk_mean/dt = γ (k − k_mean) *)
Definition covariance_k_mean (n_value n_key : nat) (W : matrix) (k_mean : vector) (v_mean : vector) (beta : R)
    (v : vector) (k : vector) (gamma : R) : vector :=
  fun key => gamma * (k key - k_mean key).

(* dv_mean/dt = γ (v − v_mean) *)
Definition covariance_v_mean (n_value n_key : nat) (W : matrix) (k_mean : vector) (v_mean : vector) (beta : R)
    (v : vector) (k : vector) (gamma : R) : vector :=
  fun value => gamma * (v value - v_mean value).

(* dW/dt = β (W k ⊙ (W k − θ)) kᵀ *)
Definition bcm_W (n_value n_key : nat) (W : matrix) (theta : vector) (beta : R) (k : vector) (gamma : R) : matrix :=
  fun value key => beta * sum n_key (fun key0 => W value key0 * k key0) * (sum n_key (fun key0 => W value key0
    * k key0) - theta value) * k key.

(* dθ/dt = γ ((W k)² − θ) *)
Definition bcm_theta (n_value n_key : nat) (W : matrix) (theta : vector) (beta : R) (k : vector) (gamma : R)
    : vector :=
  fun value => gamma * (Rsqr (sum n_key (fun key0 => W value key0 * k key0)) - theta value).

(* dW/dt = M *)
Definition momentum_delta_W (n_value n_key : nat) (W : matrix) (M : matrix) (beta : R) (v : vector) (k : vector)
    (gamma : R) : matrix :=
  fun value key => M value key.

(* dM/dt = β (v − W k) kᵀ − γ M *)
Definition momentum_delta_M (n_value n_key : nat) (W : matrix) (M : matrix) (beta : R) (v : vector) (k : vector)
    (gamma : R) : matrix :=
  fun value key => beta * (v value - sum n_key (fun key0 => W value key0 * k key0)) * k key - gamma * M value key.

(* dW/dt = σ(wbᵀ u) (W softmax(Wq u) − W softmax(Wk u)) softmax(Wk u)ᵀ *)
Definition self_reference_W (n_value n_key : nat) (W : matrix) (Wk : matrix) (Wq : matrix) (wb : vector) (u : vector)
    : matrix :=
  fun value key => sigmoid (sum n_key (fun key0 => wb key0 * u key0)) * (sum n_key (fun key0 => W value key0
    * softmax n_key (fun key1 => sum n_key (fun key0 => Wq key1 key0 * u key0)) key0)
    - sum n_key (fun key0 => W value key0 * softmax n_key (fun key1 => sum n_key (fun key0 => Wk key1 key0
    * u key0)) key0)) * softmax n_key (fun key0 => sum n_key (fun key1 => Wk key0 key1 * u key1)) key.

(* dWk/dt = σ(wbᵀ u) (Wk softmax(Wq u) − Wk softmax(Wk u)) softmax(Wk u)ᵀ *)
Definition self_reference_Wk (n_value n_key : nat) (W : matrix) (Wk : matrix) (Wq : matrix) (wb : vector) (u : vector)
    : matrix :=
  fun key2 key => sigmoid (sum n_key (fun key0 => wb key0 * u key0)) * (sum n_key (fun key0 => Wk key2 key0
    * softmax n_key (fun key1 => sum n_key (fun key0 => Wq key1 key0 * u key0)) key0)
    - sum n_key (fun key0 => Wk key2 key0 * softmax n_key (fun key1 => sum n_key (fun key0 => Wk key1 key0
    * u key0)) key0)) * softmax n_key (fun key0 => sum n_key (fun key1 => Wk key0 key1 * u key1)) key.

(* dWq/dt = σ(wbᵀ u) (Wq softmax(Wq u) − Wq softmax(Wk u)) softmax(Wk u)ᵀ *)
Definition self_reference_Wq (n_value n_key : nat) (W : matrix) (Wk : matrix) (Wq : matrix) (wb : vector) (u : vector)
    : matrix :=
  fun key2 key => sigmoid (sum n_key (fun key0 => wb key0 * u key0)) * (sum n_key (fun key0 => Wq key2 key0
    * softmax n_key (fun key1 => sum n_key (fun key0 => Wq key1 key0 * u key0)) key0)
    - sum n_key (fun key0 => Wq key2 key0 * softmax n_key (fun key1 => sum n_key (fun key0 => Wk key1 key0
    * u key0)) key0)) * softmax n_key (fun key0 => sum n_key (fun key1 => Wk key0 key1 * u key1)) key.

(* dwb/dt = σ(wbᵀ u) (wbᵀ softmax(Wq u) − wbᵀ softmax(Wk u)) softmax(Wk u) *)
Definition self_reference_wb (n_value n_key : nat) (W : matrix) (Wk : matrix) (Wq : matrix) (wb : vector) (u : vector)
    : vector :=
  fun key => sigmoid (sum n_key (fun key0 => wb key0 * u key0)) * (sum n_key (fun key0 => wb key0
    * softmax n_key (fun key1 => sum n_key (fun key0 => Wq key1 key0 * u key0)) key0) - sum n_key (fun key0 => wb key0
    * softmax n_key (fun key1 => sum n_key (fun key0 => Wk key1 key0 * u key0)) key0))
    * softmax n_key (fun key0 => sum n_key (fun key1 => Wk key0 key1 * u key1)) key.

(* dz/dt = tanh(Σ_l A_out_ijl relu(A_in z + b_in)_l + b_out) dx *)
Definition ncde (n_hidden n_channel n_inner : nat) (z : vector) (A_out : nat -> nat -> nat -> R) (A_in : matrix)
    (b_in : vector) (b_out : matrix) (dx : vector) : vector :=
  fun hidden => sum n_channel (fun channel0 => tanh (sum n_inner (fun inner0 => A_out hidden channel0 inner0
    * relu (sum n_hidden (fun hidden0 => A_in inner0 hidden0 * z hidden0) + b_in inner0)) + b_out hidden channel0)
    * dx channel0).

(* dz/dt = (Σ_l A_out_ijl tanh(A_h relu(A_h relu(A_in z + b_in) + b_h) + b_h)_l + b_out) dx *)
Definition nrde (n_hidden n_channel n_inner : nat) (z : vector) (A_out : nat -> nat -> nat -> R) (A_h : matrix)
    (A_in : matrix) (b_in : vector) (b_h : vector) (b_out : matrix) (dx : vector) : vector :=
  fun hidden => sum n_channel (fun channel0 => (sum n_inner (fun inner0 => A_out hidden channel0 inner0
    * tanh (sum n_inner (fun inner1 => A_h inner0 inner1 * relu (sum n_inner (fun inner2 => A_h inner1 inner2
    * relu (sum n_hidden (fun hidden0 => A_in inner2 hidden0 * z hidden0) + b_in inner2)) + b_h inner1))
    + b_h inner0)) + b_out hidden channel0) * dx channel0).

(* dB/dt = Σ_l tanh(Σ_m M_out_ijlm relu(Σ_jl M_in_ijl B_jl + m_in)_m + m_out)_ijl dx_l *)
Definition big_map (n_hidden n_channel n_inner : nat) (B : matrix) (M_out : nat -> nat -> nat -> nat -> R)
    (M_in : nat -> nat -> nat -> R) (m_in : vector) (m_out : nat -> nat -> nat -> R) (dx : vector) : matrix :=
  fun hidden channel => sum n_channel (fun channel0 => tanh (sum n_inner (fun inner0 => M_out hidden channel channel0 inner0
    * relu (sum n_hidden (fun hidden0 => sum n_channel (fun channel1 => M_in inner0 hidden0 channel1
    * B hidden0 channel1)) + m_in inner0)) + m_out hidden channel channel0) * dx channel0).

(* dz/dt = (1 − σ(u_x + U_u z)) ⊙ (tanh(g_x + U_g (σ(r_x + U_r z) ⊙ z)) − z) *)
Definition gru_ode (n_hidden : nat) (z : vector) (u_x : vector) (U_u : matrix) (g_x : vector) (U_g : matrix)
    (r_x : vector) (U_r : matrix) : vector :=
  fun hidden => (1 - sigmoid (u_x hidden + sum n_hidden (fun hidden0 => U_u hidden hidden0 * z hidden0)))
    * (tanh (g_x hidden + sum n_hidden (fun hidden0 => U_g hidden hidden0 * sigmoid (r_x hidden0
    + sum n_hidden (fun hidden1 => U_r hidden0 hidden1 * z hidden1)) * z hidden0)) - z hidden).
